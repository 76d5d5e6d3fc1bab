// @ts-check
// SECURITY.md line by line: the tests that show each line. Tests without a better place are here.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { startGateway } from "../../scripts/gateway.mjs";
import { root, run } from "../../scripts/run.mjs";
import { fixtures, KEY, TOKEN_SECRET } from "../kit/gateway.mjs";

const CREATE = "/api/v1/jobs/createTask";
const HERE = "tests/security/security.test.mjs";
const [ATTACKS, IN_KEY, IN_PAGE] = ["gateway/attacks", "security/key", "page/security"].map(
  (name) => `tests/${name}.test.mjs`,
);
const [TOKEN, LINK, ADDRESS, ORIGIN, JOB, LOST, QUEUE, REQUESTS] = [
  "token",
  "link",
  "address",
  "origin",
  "job",
  "lost",
  "queue",
  "requests",
].map((name) => `gateway/core/tests/${name}.rs`);
const IN_NODE = `${IN_KEY}: in Node the key is in the Authorization of requests to the API and the upload host, and nowhere else`;
const IN_GATEWAY = `${IN_KEY}: through the gateway no secret of its comes out, whatever the service echoes`;
const AS_TEXT = [
  `${IN_PAGE}: messages of the service that hold markup are shown as text`,
  `${IN_PAGE}: what the gateway says of itself, and of a passphrase, is shown as text`,
  `${IN_PAGE}: states, names and addresses that hold markup are shown as text, and only one of the web is shown or linked to`,
];

/**
 * The tests of each row and point of SECURITY.md, which is named by what stands first in it: file, colon, name.
 *
 * @type {Record<string, string[]>}
 */
const SHOWN_BY = {
  "the service, kie.ai": [
    "tests/client/client.test.mjs: what leaves is what the API documents, with the key in its header",
  ],
  "whoever deploys the gateway": [`${ATTACKS}: whoever does not know the passphrase, or the owner's token`],
  "the deployer's own server": [
    "tests/client/mint.test.mjs: a token is the one that the gateway's own tests verify",
    `${TOKEN}: a_token_is_the_one_that_the_package_mints`,
  ],
  "a caller": [`${ATTACKS}: another caller's task`, `${ATTACKS}: more tasks than a caller's budget`],
  "whoever has the page's passphrase": [
    `${HERE}: all who have the passphrase are one caller, with one budget and the same jobs`,
  ],
  "whoever has a link to a result": [`${LINK}: a_link_is_good_for_its_job_until_it_expires`],
  "anybody else": [`${ATTACKS}: whoever has no token, an old one, or one that is not ours`],

  "Into one header": [IN_NODE, IN_GATEWAY],
  "Not along a redirect.": [IN_NODE, IN_GATEWAY],
  "Not into errors": [
    IN_NODE,
    IN_GATEWAY,
    "tests/client/client.test.mjs: a key that the service echoes is in no error",
    "tests/client/many.test.mjs: no token that was sent is in an error",
  ],
  "Not into logs or stores": [IN_NODE, IN_GATEWAY],
  "Not into a page": [
    "tests/client/many.test.mjs: a key in a web page is refused, unless the caller insists",
    "tests/client/mint.test.mjs: a web page is refused, since its visitors could read the secret",
    `${IN_KEY}: what is built holds no key, no token and no secret`,
    `${IN_PAGE}: the page keeps the passphrase for the tab, the tickets of its jobs, and nothing else`,
  ],
  "Into a cause of your own": [
    `${IN_KEY}: what the token function throws is the cause, as it came, and is nowhere else`,
  ],

  Tokens: [
    `${TOKEN}: what_is_no_token`,
    `${TOKEN}: what_was_not_signed_by_us`,
    `${TOKEN}: any_bit_that_differs_is_refused`,
    `${TOKEN}: what_asks_for_another_algorithm_is_refused`,
    `${TOKEN}: claims_that_are_missing_or_of_another_type_are_refused`,
    `${TOKEN}: a_token_has_its_time`,
    `${TOKEN}: a_token_of_4_kib_is_read_and_a_longer_one_is_not`,
    `${TOKEN}: a_secret_that_is_too_short_is_refused_and_says_so`,
  ],
  Links: [
    `${LINK}: a_link_that_was_changed_is_refused`,
    `${LINK}: a_link_to_something_else_is_refused`,
    `${LINK}: a_link_is_no_token`,
  ],
  Addresses: [
    `${ADDRESS}: the_table_of_attacks`,
    `${ADDRESS}: an_address_is_judged_the_same_however_it_is_spelled`,
    `${ADDRESS}: an_origin_that_is_listed_is_allowed_exactly`,
    `${ATTACKS}: an address that is not one of the public Internet, in any spelling`,
  ],
  Pages: [
    `${ORIGIN}: any_other_origin_is_a_strangers`,
    `${ORIGIN}: a_page_can_read_replies_and_when_to_come_again_and_sends_no_cookies`,
    `${ATTACKS}: a page of another origin, also a look-alike`,
  ],
  "Other paths": [`${ATTACKS}: a path that tries to reach another endpoint of the service`],
  "Other callers' jobs and files": [
    `${ATTACKS}: another caller's task`,
    `${ATTACKS}: another caller's file name: uploads get names of the gateway's`,
  ],
  "Large and slow bodies": [
    `${ATTACKS}: a body of 100 MB, and what is no image`,
    `${ATTACKS}: a slow body`,
    "tests/gateway/refusals.test.mjs: a refused body that comes too slowly is waited for no longer than ten seconds",
  ],
  "Guesses at the passphrase": [
    `${QUEUE}: guesses_at_passphrases_are_twenty_in_a_minute`,
    `${HERE}: after twenty wrong passphrases nobody's is heard for a minute, and tokens go on`,
  ],
  "More than can be served": [
    `${ATTACKS}: more tasks than a caller's budget`,
    `${QUEUE}: no_caller_can_fill_the_queue_so_that_others_find_no_place`,
    `${REQUESTS}: a_full_queue_refuses_cheaply_and_leaves_nothing`,
    "tests/gateway/load.test.mjs: what a full queue refuses is told when to come again, costs no budget and leaves nothing behind",
  ],

  Callbacks: [
    `${JOB}: a_callback_is_taken_only_with_its_secret_and_of_its_task`,
    `${LOST}: a_callback_binds_only_the_task_of_this_very_attempt`,
    `${LINK}: of_a_callbacks_secret_only_its_hash_need_be_kept`,
    "tests/client/callback.test.mjs: a signature that does not hold is refused",
    "tests/client/callback.test.mjs: without a key, only a task that the store knows is looked at",
  ],
  Replies: [
    "tests/client/client.test.mjs: an answer to createTask that nobody can read is an unknown outcome, and is not sent again",
  ],
  Results: [
    "tests/gateway/results.test.mjs: what calls itself a page is handed out as a file",
    `${HERE}: a result is handed out as an image or as bytes, whatever its host calls it`,
  ],
  "Words and addresses on the page": AS_TEXT,
  "Anything on the page but its own files": [
    `${IN_PAGE}: what the page is made of has no inline script, no inline style and no handler`,
    `${IN_PAGE}: the watch sees what it is there to see, and the policy keeps it from running`,
    `${IN_PAGE}: a page of another origin cannot frame it`,
    `${IN_PAGE}: whatever a visitor does, the page keeps to its own policy`,
    "tests/page/page.test.mjs: the page is served with a strict policy, and no file beside it",
  ],

  "No runtime dependencies": [
    `${HERE}: all that is used is named by version and hash, and the package brings nothing along`,
  ],
  Licences: [`${HERE}: what is compiled in is under permissive licences`],
  Advisories: [
    `${HERE}: all that is used is named by version and hash, and the package brings nothing along`,
  ],

  "What a name resolves to is not known.": [`${ADDRESS}: the_public_internet_by_https`],
  "`Origin` fences browsers only.": [`${ORIGIN}: who_sends_no_origin_is_no_page`],
  "A token cannot be taken back": [
    `${TOKEN}: what_is_minted_is_served_until_it_ends_and_by_its_secret_alone`,
    "tests/client/mint.test.mjs: what is not told is an hour and the gateway's own budget",
  ],
  "A link is its own permission.": [`${LINK}: a_link_is_good_for_its_job_until_it_expires`],
  "A passphrase that was stolen": [
    `${HERE}: a passphrase's tokens outlive it for twelve hours, unless the secret is replaced as well`,
  ],
  "Whoever guesses at the passphrase keeps others out": [
    `${HERE}: after twenty wrong passphrases nobody's is heard for a minute, and tokens go on`,
  ],
  "A budget is a caller's.": [`${ATTACKS}: more tasks than a caller's budget`],
  "A callback's signature covers the task's id and the time": [
    "tests/client/callback.test.mjs: a body that was tampered with is not believed",
  ],
  "A key in a page is everybody's": [
    "tests/client/many.test.mjs: a key in a web page is refused, unless the caller insists",
  ],
};

test("every line of SECURITY.md has a test, and every test of the list is there", async () => {
  const lines = (await readFile(`${root}/SECURITY.md`, "utf8")).split("\n");
  const rows = lines.filter((line) => line.startsWith("| ")).map((line) => line.split("|")[1]?.trim() ?? "");
  const points = lines.filter((line) => line.startsWith("- "));
  const first = points.map((line) => /^- \*\*(.+?)\*\*/.exec(line)?.[1] ?? `no bold words: ${line}`);
  const named = [...rows.filter((row) => row !== "who" && !row.startsWith("---")), ...first];
  assert.deepEqual(named, Object.keys(SHOWN_BY));
  /** @type {Map<string, Promise<string>>} */
  const files = new Map();
  for (const shown of Object.values(SHOWN_BY).flat()) {
    const [file = "", name = ""] = shown.split(/: (.*)/);
    if (!files.has(file)) files.set(file, readFile(`${root}/${file}`, "utf8"));
    const text = (await files.get(file)) ?? "";
    const there = file.endsWith(".rs") ? `#[test]\nfn ${name}()` : `test(${JSON.stringify(name)},`;
    assert.ok(text.includes(there), `${file} has no test of this name: ${name}`);
  }
});

/** @param {Record<string, string>} [changes] of the settings */
const gatewayOf = (changes) =>
  startGateway({
    settings: {
      KIE_API_KEY: KEY,
      TOKEN_SECRET,
      PASSPHRASE: "open sesame",
      // Nobody is there.
      BASE_URL: "http://127.0.0.1:9",
      UPLOAD_BASE_URL: "http://127.0.0.1:9",
      ...changes,
    },
  });

/** @param {string} url @param {string} passphrase */
const tried = (url, passphrase) =>
  fetch(`${url}/token`, { method: "POST", body: JSON.stringify({ passphrase }) });

/**
 * Whether a token is served.
 *
 * @param {string} url
 * @param {string} token
 */
const isServed = async (url, token) => {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${url}/api/v1/jobs/recordInfo?taskId=a`, { headers })).status === 200;
};

test("all who have the passphrase are one caller, with one budget and the same jobs", async (t) => {
  const own = await fixtures(t, { settings: { PASSPHRASE: "open sesame", PAGE_TASKS_PER_HOUR: "2" } });
  const bearers = await Promise.all(
    ["one", "two"].map(async () => {
      const { token } = await own.read("/token", { sub: "", json: { passphrase: "open sesame" } });
      return { sub: "", headers: { authorization: `Bearer ${token}` } };
    }),
  );
  const json = { model: "recraft/crisp-upscale", input: { image: `${own.images}/cat.jpg` } };
  const codes = [];
  for (const nth of [0, 1, 0, 1]) {
    const { code, data } = await own.read(CREATE, { ...bearers[nth], json });
    codes.push(code);
    if (data === null) continue;
    const { code: found, data: record } = await own.read(
      `/api/v1/jobs/recordInfo?taskId=${data.taskId}`,
      bearers[1 - nth],
    );
    assert.deepEqual([found, record.taskId], [200, data.taskId], "the other one sees it");
    assert.equal((await own.record(data.taskId, "ann")).data, null, "another caller does not");
  }
  assert.deepEqual(codes, [200, 200, 429, 429]);
});

test("after twenty wrong passphrases nobody's is heard for a minute, and tokens go on", async (t) => {
  const { url, close } = await gatewayOf();
  t.after(close);
  const { token } = /** @type {any} */ (await (await tried(url, "open sesame")).json());
  for (let nth = 0; nth < 20; nth += 1) assert.equal((await tried(url, `wrong ${nth}`)).status, 401);
  for (const passphrase of ["wrong", "open sesame"]) {
    const reply = await tried(url, passphrase);
    assert.equal(reply.status, 429);
    const wait = Number(reply.headers.get("retry-after"));
    assert.ok(wait > 0 && wait <= 60, `${wait} s`);
    const { code, msg, data } = /** @type {any} */ (await reply.json());
    assert.deepEqual([code, data], [429, null]);
    assert.match(msg, /Wait a minute/);
  }
  assert.ok(await isServed(url, token));
});

test("a passphrase's tokens outlive it for twelve hours, unless the secret is replaced as well", async (t) => {
  const first = await gatewayOf();
  const { token, expiresAt } = /** @type {any} */ (await (await tried(first.url, "open sesame")).json());
  await first.close();
  const hours = (expiresAt - Date.now()) / 3_600_000;
  assert.ok(hours > 11.9 && hours <= 12, `${hours} h`);
  const replaced = await gatewayOf({ PASSPHRASE: "another one" });
  t.after(() => replaced.close());
  assert.equal((await tried(replaced.url, "open sesame")).status, 401);
  assert.ok(await isServed(replaced.url, token));
  const anew = await gatewayOf({ PASSPHRASE: "another one", TOKEN_SECRET: `another ${TOKEN_SECRET}` });
  t.after(() => anew.close());
  assert.ok(!(await isServed(anew.url, token)));
});

test("a result is handed out as an image or as bytes, whatever its host calls it", async (t) => {
  let type = "";
  const own = await fixtures(t, {
    results: false,
    between: (handler) => async (request) =>
      new URL(request.url).pathname.startsWith("/files/results/")
        ? new Response("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", {
            headers: {
              "content-type": type,
              "set-cookie": "a=b",
              "content-disposition": "inline; filename=a.html",
            },
          })
        : handler(request),
  });
  const { data } = await own.create();
  const [url] = JSON.parse((await own.ended(data.taskId)).resultJson).resultUrls;
  for (const [called, handedOut] of [
    ["image/png", "image/png"],
    ["image/svg+xml", "application/octet-stream"],
    ["image/svg+xml; charset=utf-8", "application/octet-stream"],
    ["text/html", "application/octet-stream"],
    ["application/xhtml+xml", "application/octet-stream"],
    ["text/javascript", "application/octet-stream"],
    ["Text/HTML;charset=utf-8", "application/octet-stream"],
  ]) {
    type = `${called}`;
    const { headers } = await fetch(url);
    assert.equal(headers.get("content-type"), handedOut, called);
    assert.equal(headers.get("content-security-policy"), "sandbox; default-src 'none'");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("set-cookie"), null);
    assert.match(headers.get("content-disposition") ?? "", /^inline; filename="[0-9a-f]{32}(\.png)?"$/);
  }
});

test("all that is used is named by version and hash, and the package brings nothing along", async () => {
  const text = (/** @type {string} */ path) => readFile(`${root}/${path}`, "utf8");
  const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta, scripts } = JSON.parse(
    await text("package.json"),
  );
  assert.deepEqual([dependencies, optionalDependencies], [undefined, undefined]);
  // Whoever uses the hook has React already; nobody else is brought it.
  assert.deepEqual(peerDependencies, { react: ">=18" });
  assert.deepEqual(peerDependenciesMeta, { react: { optional: true } });
  assert.deepEqual(
    [scripts.install, scripts.preinstall, scripts.postinstall],
    [undefined, undefined, undefined],
  );
  for (const folder of ["", "bench/", "tests/runtimes/"]) {
    /** @type {[string, any][]} */
    const packages = Object.entries(JSON.parse(await text(`${folder}package-lock.json`)).packages);
    // Our own package is a link to this folder.
    const others = packages.filter(([path, { link }]) => path.startsWith("node_modules/") && !link);
    assert.ok(others.length > 10);
    for (const [path, { integrity, version }] of others) {
      assert.match(integrity ?? "", /^sha512-/, path);
      assert.match(version, /^\d+\.\d+\.\d+/, path);
    }
  }
  const crates = (await text("Cargo.lock")).split("[[package]]").slice(1);
  const foreign = crates.filter((crate) => crate.includes("source = "));
  assert.ok(foreign.length > 50);
  for (const crate of foreign) {
    assert.match(
      crate,
      /source = "registry\+https:\/\/github\.com\/rust-lang\/crates\.io-index"\nchecksum = "[0-9a-f]{64}"/,
    );
  }
});

/** Each of these lets anybody use, change and pass on what is under it, and asks for no source. */
const PERMISSIVE = [
  "MIT",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Zlib",
  "0BSD",
  "Unlicense",
  "BSL-1.0",
  "Unicode-3.0",
  "ISC",
];

/**
 * Whether an SPDX expression can be met by permissive licences alone. `/` is how some write OR.
 *
 * @param {string} licence
 */
const isPermissive = (licence) =>
  licence
    .replaceAll(/[()]/g, "")
    .split(" AND ")
    .every((all) => all.split(/ OR |\//).some((one) => PERMISSIVE.includes(one.trim())));

test("what is compiled in is under permissive licences", async () => {
  assert.ok(isPermissive("(MIT OR GPL-3.0-only) AND Unicode-3.0"));
  assert.ok(!isPermissive("MIT AND GPL-3.0-only") && !isPermissive("AGPL-3.0-only") && !isPermissive(""));
  const output = await run(
    "cargo",
    [
      "metadata",
      "--format-version",
      "1",
      "--locked",
      "--offline",
      "--filter-platform",
      "wasm32-unknown-unknown",
    ],
    { quiet: true },
  );
  /** @typedef {{ id: string, name: string, license: string | null }} Crate */
  /** @type {{ packages: Crate[], resolve: { nodes: { id: string, deps: { pkg: string, dep_kinds: { kind: string | null }[] }[] }[] } }} */
  const { packages, resolve } = JSON.parse(output.slice(output.indexOf('{"packages"')));
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const ours = ["crisp-upscale", "crisp-upscale-gateway", "crisp-upscale-sandbox"];
  const compiled = new Set(packages.filter(({ name }) => ours.includes(name)).map(({ id }) => id));
  assert.equal(compiled.size, ours.length);
  // A set goes on to what is added to it meanwhile.
  for (const id of compiled) {
    for (const { pkg, dep_kinds } of nodes.get(id)?.deps ?? []) {
      if (dep_kinds.some(({ kind }) => kind === null)) compiled.add(pkg);
    }
  }
  assert.ok(compiled.size > 50);
  for (const { id, name, license } of packages) {
    if (compiled.has(id)) assert.ok(isPermissive(license ?? ""), `${name}: ${license}`);
  }
});

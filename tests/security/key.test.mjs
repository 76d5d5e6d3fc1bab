// @ts-check
// Looks for the key in everything that is sent: by the package in Node and by the gateway in workerd, on real
// sockets, with servers that echo it, redirect it, and break off.
import "../kit/quick-time.mjs";
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { inspect } from "node:util";
import { receiveCallback, Upscaler } from "crisp-upscale";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { envelope } from "../kit/envelope.mjs";
import { fixtures, KEY, TOKEN_SECRET, tokenOf } from "../kit/gateway.mjs";

const PHOTO = new URL("../../www/samples/cat.jpg", import.meta.url);
const CREATE = "/api/v1/jobs/createTask";

/** @typedef {{ name: string, url: string, headers: [string, string][], body: string }} Arrived */

/**
 * A host that writes down all that arrives at it.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} name
 * @param {Arrived[]} arrived
 * @param {(request: Request) => Response | Promise<Response>} answer
 */
async function host(t, name, arrived, answer) {
  const server = await serve(
    async (request) => {
      const body = await request.clone().text();
      arrived.push({ name, url: request.url, headers: [...request.headers], body });
      return answer(request);
    },
    { port: 0 },
  );
  t.after(() => server.close());
  return server.url;
}

/**
 * Where a secret is in what arrived, other than in the `Authorization` of requests to these hosts.
 *
 * @param {Arrived[]} arrived
 * @param {string} secret
 * @param {string[]} allowed
 */
const leaks = (arrived, secret, allowed) =>
  arrived.flatMap(({ name, url, headers, body }) => {
    const searched = headers.filter(([header]) => header !== "authorization" || !allowed.includes(name));
    return [url, body, ...searched.map((header) => header.join(": "))]
      .filter((text) => text.includes(secret))
      .map((text) => `${name}: ${text}`);
  });

/**
 * All that can be seen of an error, its causes included.
 *
 * @param {unknown} error
 */
const shown = (error) =>
  [inspect(error, { depth: 10, showHidden: true }), JSON.stringify(error), String(error)].join("\n");

/**
 * What is written to the console while the test runs.
 *
 * @param {import("node:test").TestContext} t
 */
function consoleOf(t) {
  /** @type {string[]} */
  const lines = [];
  for (const name of /** @type {const} */ (["log", "info", "warn", "error", "debug", "trace"])) {
    t.mock.method(console, name, (/** @type {unknown[]} */ ...args) => {
      lines.push(args.map((arg) => inspect(arg)).join(" "));
    });
  }
  return lines;
}

/** Each echoes what it was sent in its own way. */
const ECHOES = {
  "a refusal": (/** @type {string} */ bearer) => envelope(null, 401, `${bearer} is wrong`),
  "an account without credits": (/** @type {string} */ bearer) => envelope(null, 402, bearer),
  "a code that nobody knows": (/** @type {string} */ bearer) => envelope({ bearer }, 999, `${bearer}`),
  "a proxy's page": (/** @type {string} */ bearer) =>
    new Response(`<html><pre>Authorization: ${bearer}</pre>`, { status: 502 }),
  // Where the part of it that an error quotes ends.
  "a long reply": (/** @type {string} */ bearer) =>
    new Response(`${"x".repeat(1000)}${bearer}`, { status: 500 }),
  "no envelope": (/** @type {string} */ bearer) => Response.json({ headers: { authorization: bearer } }),
  "a task that is named after it": (/** @type {string} */ bearer) =>
    envelope(null, 422, `input.image: ${bearer}`),
};

test("in Node the key is in the Authorization of requests to the API and the upload host, and nowhere else", async (t) => {
  const secret = "sk-only-in-one-header-0123456789";
  const logs = consoleOf(t);
  const photo = await readFile(PHOTO);
  /** @type {Arrived[]} */
  const arrived = [];
  /** @type {Map<string, string>} */
  const store = new Map();
  /** @type {unknown[]} */
  const told = [];
  /** @type {unknown[]} */
  const errors = [];

  const elsewhere = await host(t, "elsewhere", arrived, () => envelope({ taskId: "of another host" }));
  const files = await host(t, "files", arrived, ({ url }) =>
    url.endsWith("/moved.png")
      ? new Response(null, { status: 302, headers: { location: `${elsewhere}/moved.png` } })
      : new Response(new Uint8Array(photo), { headers: { "content-type": "image/jpeg" } }),
  );
  const SUCCESS = () =>
    envelope({ state: "success", resultJson: JSON.stringify({ resultUrls: [`${files}/moved.png`] }) });
  const MADE = () => envelope({ taskId: "abc", recordId: "abc" });
  /** @type {Record<string, (bearer: string) => Response | Promise<Response>>} by the last part of the path */
  let script = {};
  const api = await host(t, "api", arrived, (request) => {
    const route = new URL(request.url).pathname.split("/").at(-1) ?? "";
    const bearer = request.headers.get("authorization") ?? "";
    /** @type {typeof script} */
    const answers = { createTask: MADE, recordInfo: SUCCESS, credit: () => envelope(7), ...script };
    return answers[route]?.(bearer) ?? envelope({ downloadUrl: `${files}/upload.jpg` });
  });

  const upscaler = new Upscaler({ apiKey: secret, baseUrl: api, store });
  const onUpdate = (/** @type {unknown} */ update) => told.push(update);
  /** @param {Record<string, (bearer: string) => Response | Promise<Response>>} answers @param {() => Promise<unknown>} call */
  async function fails(answers, call) {
    script = answers;
    errors.push(
      await call().then(
        (value) => assert.fail(`it did not fail: ${inspect(value)}`),
        (error) => error,
      ),
    );
  }

  // What goes well.
  const callBackUrl = `${elsewhere}/callback`;
  const options = { onUpdate, callBackUrl, preflight: true };
  for (const image of [new Blob([photo]), `${files}/photo.jpg`]) {
    const job = await upscaler.submit(image, { callBackUrl });
    told.push(job, JSON.stringify(job), upscaler, JSON.stringify(upscaler));
    const result = await upscaler.upscale(image, options);
    told.push(result, await (await result.blob()).text());
  }
  told.push(await upscaler.credits(), await upscaler.pending());

  // Each way to fail, at each route.
  const image = `${files}/photo.jpg`;
  const away = () => new Response(null, { status: 307, headers: { location: `${elsewhere}/away` } });
  const cut = () => Promise.reject(new Error("the connection is dropped"));
  for (const answer of [...Object.values(ECHOES), away, cut]) {
    await fails({ createTask: answer }, () => upscaler.upscale(image, { onUpdate }));
    await fails({ credit: answer }, () => upscaler.credits());
    await fails({ recordInfo: answer }, () => upscaler.getTask("abc"));
    await fails({ "file-stream-upload": answer }, () => upscaler.upscale(new Blob([photo]), { onUpdate }));
  }
  const failed = (/** @type {string} */ bearer) =>
    envelope({ state: "fail", failCode: "500", failMsg: `for ${bearer}` });
  await fails({ recordInfo: failed }, () => upscaler.upscale(image, { onUpdate }));
  await fails({ recordInfo: ECHOES["a refusal"] }, () =>
    upscaler.upscale(image, { onUpdate, timeout: 3000 }),
  );
  await fails({}, () => new Upscaler({ apiKey: secret, baseUrl: "http://127.0.0.1:9" }).upscale(image));
  await fails({}, () => new Upscaler({ apiKey: `${secret}\n`, baseUrl: api }).upscale(image));

  // A callback whose record echoes it.
  script = { recordInfo: failed };
  await upscaler.submit(image, { callBackUrl });
  const posted = new Request(callBackUrl, {
    method: "POST",
    body: JSON.stringify({ data: { taskId: "abc" } }),
  });
  const outcome = await receiveCallback(posted, { upscaler });
  told.push(outcome, await outcome.response.text());

  assert.ok(arrived.length > 60, `${arrived.length} requests`);
  assert.ok(leaks(arrived, secret, []).length > 50, "the search finds it where it may be");
  assert.deepEqual(leaks(arrived, secret, ["api"]), []);
  assert.deepEqual(
    arrived.filter(({ name, url }) => name === "elsewhere" && !url.endsWith("/moved.png")),
    [],
    "only results may be at another host",
  );
  assert.ok(arrived.some(({ name }) => name === "elsewhere"));
  const seen = [...errors, ...told].map(shown).join("\n");
  assert.match(seen, /\[key\] is wrong/, "the echoes are among it");
  for (const [what, text] of Object.entries({ seen, logs: logs.join("\n"), store: inspect([...store]) })) {
    assert.ok(!text.includes(secret), `the key is in what is ${what}`);
    // Not a part of it either, as where a quotation ends.
    assert.ok(!text.includes(secret.slice(0, 12)), `a part of the key is in what is ${what}`);
  }
});

test("what the token function throws is the cause, as it came, and is nowhere else", async (t) => {
  const logs = consoleOf(t);
  const mine = new Error("no session for the-secret-of-the-session");
  const store = new Map();
  const token = () => Promise.reject(mine);
  const upscaler = new Upscaler({ token, baseUrl: "http://127.0.0.1:9", store });
  const error = await upscaler.upscale("https://host.example/a.jpg").catch((error) => error);
  assert.equal(error.cause, mine);
  const text = [error.message, JSON.stringify(error), ...logs, inspect([...store])].join("\n");
  assert.ok(!text.includes("the-secret"), text);
});

test("through the gateway no secret of its comes out, whatever the service echoes", async (t) => {
  /** @type {Arrived[]} */
  const arrived = [];
  const relayed = await host(t, "the caller's server", arrived, () => new Response());
  const elsewhere = await host(t, "elsewhere", arrived, () => envelope({ taskId: "of another host" }));
  /** @type {((bearer: string) => Response | Promise<Response>)[]} what the next POSTs are answered */
  const next = [];
  const own = await fixtures(t, {
    origins: [relayed],
    settings: { CREDITS: "allow", CREATE_LIMIT: "0", TASKS_PER_HOUR: "none", PASSPHRASE: "open sesame" },
    between: (sandbox) => async (request) => {
      const { pathname } = new URL(request.url);
      const name = pathname.startsWith("/files/") ? "files" : "api";
      arrived.push({
        name,
        url: request.url,
        headers: [...request.headers],
        body: await request.clone().text(),
      });
      const answer = name === "api" && request.method === "POST" ? next.shift() : undefined;
      const bearer = request.headers.get("authorization") ?? "";
      if (pathname.endsWith("/credit")) return ECHOES["a refusal"](bearer);
      return answer === undefined ? sandbox(request) : answer(bearer);
    },
  });
  /** @type {string[]} */
  const told = [];
  /** @param {Response} response */
  async function tell(response) {
    told.push(JSON.stringify([...response.headers]), await response.text());
  }

  const callBackUrl = `${relayed}/done`;
  const made = await own.create({ callBackUrl });
  const record = await own.ended(made.data.taskId);
  told.push(JSON.stringify([made, record]));
  await tell(await fetch(JSON.parse(record.resultJson).resultUrls[0]));
  await own.sandbox.fail({ route: "task", kind: "code", code: 500, msg: `Bearer ${KEY} was refused` });
  const fails = await own.create({ callBackUrl });
  told.push(JSON.stringify(await own.ended(fails.data.taskId)));
  // The caller's own callback comes after its record.
  while (arrived.filter(({ name }) => name === "the caller's server").length < 2) {
    await own.record(fails.data.taskId);
  }

  const away = () => new Response(null, { status: 307, headers: { location: `${elsewhere}/away` } });
  const cut = () => Promise.reject(new Error("the connection is dropped"));
  const photo = await readFile(PHOTO);
  for (const answer of [...Object.values(ECHOES), away, cut]) {
    next.push(answer);
    const json = { model: "recraft/crisp-upscale", input: { image: `${own.images}/cat.jpg` } };
    const created = await own.call(CREATE, { json });
    const text = await created.clone().text();
    await tell(created);
    const { data } = JSON.parse(text);
    if (data?.taskId) await tell(await own.call(`/api/v1/jobs/recordInfo?taskId=${data.taskId}`));
    next.push(answer);
    const form = new FormData();
    form.append("file", new Blob([photo], { type: "image/jpeg" }), "a.jpg");
    form.append("uploadPath", "images");
    await tell(await own.call("/api/file-stream-upload", { method: "POST", body: form }));
    next.push(answer);
    const base64Data = photo.toString("base64");
    await tell(await own.call("/api/file-base64-upload", { json: { base64Data, uploadPath: "images" } }));
  }
  assert.deepEqual(next, [], "all were used");
  for (const path of [
    "/api/v1/chat/credit",
    "/health",
    "/counters",
    "/",
    "/nothing",
    "/results/a?expires=1&signature=b",
  ]) {
    await tell(await own.call(path));
  }
  await tell(await own.call("/token", { sub: "", json: { passphrase: "wrong" } }));

  assert.ok(leaks(arrived, KEY, []).length > 20, "the search finds it where it may be");
  assert.deepEqual(leaks(arrived, KEY, ["api"]), []);
  assert.deepEqual(
    arrived.filter(({ name }) => name === "elsewhere"),
    [],
    "no redirect is followed",
  );
  const seen = told.join("\n");
  assert.match(seen, /\[key\]/, "the echoes are among it");
  assert.match(own.logs().join("\n"), /createTask/);
  for (const [what, text] of Object.entries({ answered: seen, logged: own.logs().join("\n") })) {
    for (const secret of [KEY, TOKEN_SECRET, "open sesame"]) {
      assert.ok(!text.includes(secret), `a secret is in what is ${what}: ${around(text, secret)}`);
    }
  }
  assert.ok(
    own.logs().every((line) => !/https?:|Bearer|eyJ/.test(line)),
    "no log line holds a URL or a token",
  );
  const token = await tokenOf("ann");
  const files = await stored(own.storage);
  assert.ok(files.length > 0);
  for (const [name, bytes] of files) {
    for (const secret of [KEY, TOKEN_SECRET, "open sesame", token])
      assert.ok(!bytes.includes(secret), `${name} holds a secret`);
  }
});

/** @param {string} text @param {string} secret */
const around = (text, secret) => text.slice(Math.max(0, text.indexOf(secret) - 80), text.indexOf(secret));

/**
 * What is on the disk.
 *
 * @param {string} folder
 * @returns {Promise<[string, Buffer][]>}
 */
async function stored(folder) {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    files
      .filter((file) => file.isFile())
      .map(async (file) => [file.name, await readFile(`${file.parentPath}/${file.name}`)]),
  );
}

test("what is built holds no key, no token and no secret", async () => {
  const files = (await stored(`${root}/dist`)).filter(([name]) => !name.endsWith(".wasm"));
  assert.ok(files.length > 50);
  for (const [name, bytes] of files) {
    // A key of the service's, a JSON Web Token, a bearer.
    const found = /\bsk-[\w-]{16,}|\beyJ[\w-]{10,}\.eyJ|Bearer [\w-]{16,}/.exec(bytes.toString("utf8"));
    assert.equal(found, null, `${name}: ${found}`);
  }
});

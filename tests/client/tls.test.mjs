// @ts-check
// Connections on which nothing was sent, in each runtime that can tell, over real sockets: the server's certificate,
// the handshake, a proxy, a port. And failures that only look like one.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { runtimes } from "../../scripts/runtimes.mjs";
import { FOLDER, startHandshakes, TRUST, throughProxy } from "../kit/tls.mjs";

/** @type {Awaited<ReturnType<typeof startHandshakes>>} */
let servers;
before(async () => {
  servers = await startHandshakes();
});
after(() => servers?.close());

const SENT_NOTHING = { kind: "unreachable", charged: "no", pending: 0 };
const UNKNOWN = { kind: "outcome-unknown", charged: "unknown", pending: 1 };
const CERTIFICATE = [SENT_NOTHING, /certificate is not trusted, so nothing was sent/];
const HANDSHAKE = [SENT_NOTHING, /TLS handshake with the server failed, so nothing was sent/];
const PORT = [SENT_NOTHING, /sends no requests to this port, so nothing was sent/];
const PROXY = [SENT_NOTHING, /proxy refused to connect to the server, so nothing was sent/];
const LOST = [UNKNOWN, /no readable answer came/];

/** What each runtime proves. @type {Record<string, any[]>} */
const PROVEN = {
  "self-signed": CERTIFICATE,
  "unknown issuer": CERTIFICATE,
  "another host's": CERTIFICATE,
  expired: CERTIFICATE,
  "no common version": HANDSHAKE,
  "plain http": HANDSHAKE,
  "broken off in the handshake": HANDSHAKE,
  "wants the client's": LOST,
  "broken off after the handshake": LOST,
  "a blocked port": PORT,
};

/** Bun says the same of every handshake, also of what comes after its own part, and dials any port. */
const BUN = {
  ...PROVEN,
  "no common version": LOST,
  "plain http": LOST,
  "broken off in the handshake": LOST,
  "a blocked port": [SENT_NOTHING, /^The server cannot be reached/],
};

const NODE = { title: "Node", proven: PROVEN, args: [], hasProxy: false };

for (const { name, title, proven, args, hasProxy } of /** @type {const} */ ([
  { ...NODE, name: "node20" },
  { ...NODE, name: "node22", hasProxy: true },
  { ...NODE, name: "node24", hasProxy: true },
  { name: "deno", title: "Deno", proven: PROVEN, args: ["run", "--allow-net"], hasProxy: true },
  { name: "bun", title: "Bun", proven: BUN, args: [], hasProxy: true },
])) {
  /**
   * @param {Record<string, string>} bases
   * @param {Record<string, string>} [env]
   * @returns {Promise<Record<string, any>>}
   */
  const ends = async (bases, env = {}) => {
    const path = (await runtimes())[name];
    const command = [...args, `${FOLDER}/client.mjs`, JSON.stringify(bases)];
    const { stdout } = await promisify(execFile)(path, command, {
      env: { ...process.env, ...TRUST, ...env },
      timeout: 120_000,
    });
    const lines = stdout.trim().split("\n");
    return Object.fromEntries(lines.map((line) => JSON.parse(line)).map((end) => [end.name, end]));
  };

  describe(`${title}, ${name}`, () => {
    test("what was never sent is told from what may have been", async () => {
      const { arrived, urls } = servers;
      const before = { ...arrived };
      const found = await ends(urls);
      assert.equal(found.trusted?.kind, "made", JSON.stringify(found.trusted));
      for (const [row, [expected, words]] of Object.entries(proven)) {
        const { name, message, ...end } = found[row] ?? {};
        assert.deepEqual(end, expected, `${row}: ${message}`);
        assert.match(message, words, row);
        // Behind the other two there is no server that a request could reach.
        if (expected === SENT_NOTHING && row in arrived) {
          assert.equal(arrived[row], before[row], `${row}: a request arrived`);
        }
      }
    });

    const skip = hasProxy ? false : "this version of Node has no proxies";
    test("a proxy that refuses to connect has sent nothing", { skip }, async () => {
      const found = await ends({ proxy: "https://api.example" }, throughProxy(servers.proxy));
      const [expected, words] = PROXY;
      const { name, message, ...end } = found.proxy;
      assert.deepEqual(end, expected, message);
      assert.match(message, /** @type {RegExp} */ (words));
    });
  });
}

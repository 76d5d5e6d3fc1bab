// @ts-check
// The sub-commands that serve: the stand-in, and the demo page with its gateway.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { freePort } from "../../scripts/port.mjs";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { folder, imageOf, run, sizeOf, start } from "../kit/command.mjs";

test("sandbox: the stand-in as a server, for any client", async (t) => {
  const sandbox = start(["sandbox", "--port", "0"]);
  t.after(() => sandbox.child.kill("SIGKILL"));
  await sandbox.says(/http:\/\/127\.0\.0\.1:\d+/);
  sandbox.child.kill("SIGINT");
  const { code, out } = await sandbox.ended;
  assert.equal(code, 0);
  assert.match(out, /not Recraft's model/);
});

test("sandbox: the command itself uses it", async (t) => {
  const port = await freePort(0);
  const sandbox = start(["sandbox", "--port", String(port)]);
  t.after(() => sandbox.child.kill("SIGKILL"));
  await sandbox.says(/Ctrl\+C/);
  const path = await folder(t);
  await writeFile(join(path, "a.png"), imageOf(1));
  const env = { KIE_API_KEY: "sandbox", KIE_BASE_URL: `http://127.0.0.1:${port}` };
  const ended = await run([join(path, "a.png")], { env });
  assert.equal(ended.code, 0, ended.out);
  assert.deepEqual(await sizeOf(join(path, "a.crisp.png")), [128, 128]);
  const taken = await run(["sandbox", "--port", String(port)]);
  assert.deepEqual(
    [taken.code, taken.err],
    [1, `crisp-upscale: Port ${port} is taken. Choose another with --port.\n`],
  );
});

test("demo: the page, its gateway and an upscale through it, on this machine alone", async (t) => {
  const port = await freePort(0);
  // wrangler needs Node 22 or later.
  const demo = start(["demo", "--port", String(port)], { execPath: `${root}/node_modules/.bin/node` });
  t.after(() => demo.child.kill("SIGKILL"));
  /** @type {string[]} */
  const printed = [];
  demo.child.stdout.on("data", (text) => printed.push(text));
  await demo.says(/Ctrl\+C/);
  const [, url = "", passphrase = ""] = /(http:\S+)\/#passphrase=(\S+)/.exec(printed.join("")) ?? [];
  assert.equal(url, `http://127.0.0.1:${port}`);
  assert.match(await (await fetch(url)).text(), /<!doctype html>/);
  const reply = await fetch(`${url}/token`, {
    ...{
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ passphrase }),
    },
  });
  const { token } = await reply.json();
  const upscaler = new Upscaler({ baseUrl: url, token });
  const { width, height } = await upscaler.upscale(imageOf("demo"));
  assert.deepEqual([width, height], [128, 128]);
  demo.child.kill("SIGINT");
  assert.equal((await demo.ended).code, 0);
  // Nothing is left that listens.
  const server = await serve(async () => new Response(), { port });
  await server.close();
});

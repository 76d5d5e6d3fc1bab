// @ts-check
// An example as its reader has it: a folder of its own, the packed tarball installed, and the README's lines run.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { installPackages } from "../../scripts/build.mjs";
import { Failed, root, run } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { SMALL } from "../kit/images.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";

/** @typedef {import("node:test").TestContext} TestContext */

const HERE = `${root}/tests/examples`;

const ENV = {
  ...process.env,
  NO_COLOR: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  // Each output folder has a project of its own.
  TURBOPACK_ROOT: "1",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_METRICS: "false",
};

/**
 * Copies an example and installs the package into it, before the tests of a file.
 *
 * @param {string} name of the example's folder
 */
export function example(name) {
  const folder = `${HERE}/output/${name}`;
  /** @type {string[]} */
  const lines = [];
  before(async () => {
    await installPackages(HERE);
    await rm(folder, { recursive: true, force: true });
    // Below the packages that it depends on, whose versions are pinned there; no registry is asked.
    await mkdir(folder, { recursive: true });
    await cp(`${root}/examples/${name}`, folder, { recursive: true });
    const readme = await readFile(join(folder, "README.md"), "utf8");
    lines.push(...(/^```sh\n([\s\S]*?)^```$/m.exec(readme)?.[1] ?? "").trim().split("\n"));
    const manifest = await readFile(join(folder, "package.json"), "utf8");
    const packed = await run("npm", ["pack", "--silent", "--pack-destination", folder], { quiet: true });
    const tarball = join(folder, /crisp-upscale-.*\.tgz/.exec(packed)?.[0] ?? "");
    await pinned(name, JSON.parse(manifest));
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true }));
    const install = [
      "install",
      "--offline",
      "--no-audit",
      "--no-fund",
      "--no-save",
      "--prefix",
      folder,
      tarball,
    ];
    await run("npm", install, { quiet: true });
    await writeFile(join(folder, "package.json"), manifest);
  });
  after(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return {
    folder,
    /**
     * Runs a line of the README to its end.
     *
     * @param {string} start how the line begins
     * @param {Record<string, string>} [given] instead of what the line has before the command, and of its arguments
     */
    async line(start, given) {
      const child = this.begin(start, given);
      const [code] = await once(child.process, "close");
      if (code !== 0) throw new Failed(`\`${start}\` ended with ${code}:\n${child.said()}`);
      return child.said();
    },
    /**
     * Begins a line of the README.
     *
     * @param {string} start how the command begins; settings before it are the reader's own
     * @param {Record<string, string>} [env] the settings, all of which the line must name
     * @param {string[]} [args] instead of the line's own arguments
     */
    begin(start, env = {}, args) {
      const line = lines.find((line) => line.replace(/^(\w+=\S+ )*/, "").startsWith(start));
      if (line === undefined)
        throw new Failed(`The README of ${name} has no line \`${start}\`: ${lines.join("; ")}`);
      for (const [setting] of line.matchAll(/\b[A-Z_]+(?==)/g)) {
        if (!(setting in env))
          throw new Failed(`The README of ${name} sets ${setting}, and the test does not`);
      }
      const command = line.replace(/^(\w+=\S+ )*/, "");
      const [program = "", ...words] = command.split(" ");
      const own = args === undefined ? words : [...words.slice(0, start.split(" ").length - 1), ...args];
      const process = spawn(program, own, { cwd: folder, env: { ...ENV, ...env }, detached: true });
      let said = "";
      for (const stream of [process.stdout, process.stderr]) stream.on("data", (chunk) => (said += chunk));
      return { process, said: () => said };
    },
    /**
     * Begins a line that serves, until the test ends.
     *
     * @param {TestContext} t
     * @param {string} start
     * @param {Record<string, string>} [env]
     * @param {string[]} [args]
     * @returns {Promise<string>} where it answers
     */
    async serves(t, start, env, args) {
      const { process, said } = this.begin(start, env, args);
      t.after(() => stop(process));
      for await (const line of createInterface(process.stdout)) {
        const url = /http:\/\/(?:127\.0\.0\.1|localhost):(\d+)/.exec(line);
        if (url !== null) {
          process.stdout.resume();
          return `http://127.0.0.1:${url[1]}`;
        }
      }
      throw new Failed(`\`${start}\` said of no address:\n${said()}`);
    },
  };
}

/** Ends a program and those that it began. @param {import("node:child_process").ChildProcess} child */
async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = once(child, "close");
  process.kill(-child.pid, "SIGKILL");
  await closed;
}

/**
 * What an example names it has at a version that its own range takes.
 *
 * @param {string} name
 * @param {{ dependencies: Record<string, string>, devDependencies?: Record<string, string> }} manifest
 */
async function pinned(name, { dependencies, devDependencies = {} }) {
  const ours = JSON.parse(await readFile(`${HERE}/package.json`, "utf8")).dependencies;
  const { devDependencies: tools } = JSON.parse(await readFile(`${root}/package.json`, "utf8"));
  for (const [dependency, range] of Object.entries({ ...dependencies, ...devDependencies })) {
    const version = { ...tools, ...ours, "crisp-upscale": "0.1.0" }[dependency];
    if (range !== `^${version}`)
      throw new Failed(`${name} depends on ${dependency} ${range}; tried is ${version}`);
  }
}

export const HMAC_KEY = "the account's own";

/**
 * The sandbox over a port, with an image, and open to pages of other origins, as a gateway is.
 *
 * @param {TestContext} t
 * @param {import("../../dist/sandbox.js").SandboxOptions} [options]
 */
export async function service(t, options = {}) {
  const sandbox = quickSandbox({ webhookHmacKey: HMAC_KEY, ...options });
  const cors = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "*",
    "access-control-allow-headers": "*, Authorization",
  };
  const { url, close } = await serve(
    async (request) => {
      if (request.method === "OPTIONS") return new Response(null, { headers: cors });
      const response =
        new URL(request.url).pathname === "/photo.png"
          ? new Response(new Uint8Array(SMALL), { headers: { "content-type": "image/png" } })
          : await sandbox.fetch(request);
      for (const [header, value] of Object.entries(cors)) response.headers.set(header, value);
      return response;
    },
    { port: 0 },
  );
  t.after(async () => {
    await close();
    await sandbox.close();
  });
  return { url, image: `${url}/photo.png`, ledger: sandbox.ledger, fail: sandbox.fail };
}

/**
 * Asks again and again until it is so.
 *
 * @template T
 * @param {() => Promise<T>} ask
 * @param {(answer: T) => boolean} isSo
 */
export async function until(ask, isSo) {
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * A page in Chromium, whose console must stay empty.
 *
 * @param {TestContext} t
 * @param {string} url
 */
export async function open(t, url) {
  const browser = await launchChromium();
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 900, height: 900 } });
  /** @type {string[]} */
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  await page.goto(url);
  return { page, said };
}

/** Where screenshots of the examples are left. */
export const SCREENSHOTS = `${root}/tests/output/examples`;

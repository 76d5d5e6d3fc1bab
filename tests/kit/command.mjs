// @ts-check
// The command as a process, and folders for it.
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { SMALL } from "./images.mjs";
import { quickSandbox } from "./sandbox.mjs";

export const COMMAND = `${root}/dist/cli/main.js`;

/** @typedef {import("node:test").TestContext} TestContext */
/** @typedef {{ code: number | null, signal: string | null, out: string, err: string }} Ended */

/**
 * @typedef {object} Options
 * @property {Record<string, string | undefined>} [env]
 * @property {string} [cwd]
 * @property {string} [stdin]
 * @property {string[]} [node] options of Node
 * @property {string} [execPath] another Node than the one that runs the tests
 * @property {number} [uid]
 */

/**
 * Starts the command.
 *
 * @param {string[]} args
 * @param {Options} [options]
 */
export function start(args, { env, cwd = root, stdin, node = [], execPath = process.execPath, uid } = {}) {
  const child = spawn(execPath, [...node, COMMAND, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["pipe", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  child.stdin.on("error", () => {});
  child.stdin.end(stdin ?? "");
  let [out, err] = ["", ""];
  /** @type {Set<() => void>} */
  const listeners = new Set();
  child.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    err += text;
  });
  /** @type {Promise<Ended>} */
  const ended = new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, out, err }));
  });
  return {
    child,
    ended,
    /** Waits until it has printed something. @param {RegExp} pattern */
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(out)) return;
          listeners.delete(look);
          resolve(undefined);
        };
        listeners.add(look);
        ended.then(() => reject(new Error(`It ended without saying ${pattern}: ${out}${err}`)));
        look();
      }),
  };
}

/**
 * Runs the command to its end.
 *
 * @param {string[]} args
 * @param {Options} [options]
 */
export const run = (args, options) => start(args, options).ended;

/** What `--json` has printed. @param {Pick<Ended, "out">} ended @returns {any[]} */
export const linesOf = ({ out }) =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

/** How often each status was said. @param {Pick<Ended, "out">} ended */
export function statusesOf(ended) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const { status } of linesOf(ended)) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** An empty folder that goes with the test. @param {TestContext} t */
export async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), "command-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/**
 * Images of which no two are the same: of a png, only the beginning counts.
 *
 * @param {string} path
 * @param {number} count
 */
export async function fill(path, count) {
  for (let n = 0; n < count; n += 1) {
    await writeFile(join(path, `image-${String(n).padStart(3, "0")}.png`), imageOf(n));
  }
}

/** @param {number | string} n */
export const imageOf = (n) => Buffer.concat([SMALL, Buffer.from(`#${n}`)]);

/** The names in a folder that are not hidden. @param {string} path */
export const visible = async (path) => (await readdir(path)).filter((name) => !name.startsWith(".")).sort();

/** Width and height of a png. @param {string} path */
export async function sizeOf(path) {
  const file = await readFile(path);
  return [file.readUInt32BE(16), file.readUInt32BE(20)];
}

/** A clock that runs a hundred times as fast: the service takes 200 tasks in a second by it. */
export function fastClock() {
  const began = Date.now();
  return () => began + 100 * (Date.now() - began);
}

/**
 * The service on this machine, which takes as many tasks as come.
 *
 * @param {TestContext} t
 * @param {import("crisp-upscale/sandbox").SandboxOptions} [options]
 * @param {(handler: (request: Request) => Promise<Response>) => (request: Request) => Promise<Response>} [between]
 */
export async function service(t, options = {}, between = (handler) => handler) {
  const sandbox = quickSandbox({ key: "a-secret-key", credits: 10_000, ...options });
  const { url, close } = await serve(between(sandbox.fetch), { port: 0 });
  t.after(async () => {
    await close();
    await sandbox.close();
  });
  return { ...sandbox, url, env: { KIE_API_KEY: "a-secret-key", KIE_BASE_URL: url } };
}

/**
 * Adds a step to the one order in a folder's state.
 *
 * @param {string} path
 * @param {(last: any) => object} change of the last step
 */
export async function nextStep(path, change) {
  const orders = join(path, ".crisp-upscale", "orders");
  const [image = ""] = await readdir(orders);
  const step = (await readdir(join(orders, image))).length;
  const last = JSON.parse(await readFile(join(orders, image, `${step}.json`), "utf8"));
  await writeFile(join(orders, image, `${step + 1}.json`), JSON.stringify({ ...last, ...change(last) }));
}

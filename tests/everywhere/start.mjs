// @ts-check
// Ways to start the suite. Each resolves once the suite runs. Then the report comes to the harness, or `gone` is
// aborted with the reason.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { Failed, root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { folderOf } from "../../scripts/static.mjs";
import { openBrowser } from "../kit/pages.mjs";
import { serveWorker } from "../kit/workerd.mjs";

/** @typedef {{ stop(): unknown, said?(): string }} Started `said`: what was heard of it, should it fail */
/** @typedef {(harness: string, gone: AbortController) => Promise<Started>} Start */

/**
 * @typedef {object} Row A row of the matrix.
 * @property {string} name
 * @property {() => Promise<Start>} prepare builds, where there is something to be built
 * @property {string | undefined} [absent] why it cannot be run on this machine
 */

/** The bundlers and checkers. */
export const TOOLS = `${root}/tests/everywhere/node_modules`;

/** When a program that is to build or to begin to serve is ended, in milliseconds: much, on a busy machine. */
const TIMEOUT = 180_000;

/**
 * Runs a program of a project to its end.
 *
 * @param {string} cwd
 * @param {string[]} command
 * @param {Record<string, string>} [env] what it gets besides
 * @returns {Promise<string>} what it printed; rejects where its exit code says so
 */
export async function output(cwd, [program = "", ...args], env = {}) {
  const options = { cwd, env: { ...ENV, ...env }, timeout: TIMEOUT };
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Failed(`\`${[program, ...args].join(" ")}\` ended with ${code}:\n${said}`);
  return said;
}

/** Nothing asks for updates or tells what it is used for, and what is printed has no colours. */
const ENV = {
  ...process.env,
  NO_COLOR: "1",
  DENO_NO_UPDATE_CHECK: "1",
  // With its banner, wrangler asks for updates.
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_METRICS: "false",
};

/** When a process that has reported and does not end is ended, in milliseconds: much, on a busy machine. */
const LINGERING = 30_000;

/**
 * In a process, whose last argument says where the harness is. It has to end by itself.
 *
 * @param {string} cwd
 * @param {string[]} command
 * @returns {Start}
 */
export const inProcess =
  (cwd, [program = "", ...args]) =>
  async (harness, gone) => {
    const child = spawn(program, [...args, harness], { cwd, env: ENV, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
    child.on("error", (error) => gone.abort(error));
    const closed = once(child, "close");
    // Its report, if there is one, has arrived by then.
    closed.then(
      ([code]) => gone.abort(new Failed(`it ended with ${code}`)),
      () => {},
    );
    const stop = async () => {
      const lingering = setTimeout(() => child.kill("SIGKILL"), LINGERING);
      const [code] = await closed;
      clearTimeout(lingering);
      if (code !== 0) throw new Failed(`it did not end by itself, and well: ${code}\n${said}`);
    };
    return { stop, said: () => said };
  };

/**
 * In workerd, with no compatibility flags.
 *
 * @param {string} workerd its executable
 * @param {string} folder
 * @param {[name: string, file: string][]} modules
 * @returns {Start}
 */
export const inWorkerd = (workerd, folder, modules) => async (harness, gone) => {
  const { url, stderr, stop } = await serveWorker(workerd, folder, modules);
  fetch(`${url}/?harness=${harness}`).then(
    ({ status }) => status === 200 || gone.abort(new Failed(`workerd answers ${status}\n${stderr()}`)),
    (error) => gone.abort(error),
  );
  return { stop, said: stderr };
};

/**
 * In a page of Chromium.
 *
 * @param {import("playwright-core").Browser} chromium
 * @param {Site} site
 * @returns {Start}
 */
export const inChromium = (chromium, site) => async (harness, gone) => {
  const { url, close } = await site();
  const context = await chromium.newContext();
  const page = await context.newPage();
  /** @type {string[]} */
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => gone.abort(error));
  const stop = async () => {
    await context.close();
    await close();
  };
  try {
    await page.goto(`${url}${url.includes("?") ? "&" : "?"}harness=${harness}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop, said: () => said.join("\n") };
};

/**
 * In a page of any browser.
 *
 * @param {import("../kit/pages.mjs").Browser} browser
 * @param {Site} site
 * @returns {Start}
 */
export const inBrowser = (browser, site) => async (harness, gone) => {
  const { url, close } = await site();
  try {
    const { stop } = await openBrowser(browser, `${url}?harness=${harness}`, gone);
    return {
      async stop() {
        await stop();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** @typedef {() => Promise<{ url: string, close(): unknown }>} Site */

/**
 * Serves a folder on this machine.
 *
 * @param {string} folder
 * @param {string} [page] the page's path and query
 * @param {Record<string, string>} [headers]
 * @returns {Site}
 */
export const site =
  (folder, page = "/", headers = {}) =>
  async () => {
    const files = await folderOf(folder);
    const { url, close } = await serve(
      async (request) => {
        const file = files(new URL(request.url).pathname);
        if (file === undefined) return new Response("Not found", { status: 404 });
        return new Response(file.body, { headers: { ...headers, "content-type": file.type } });
      },
      { port: 0 },
    );
    return { url: url + page, close };
  };

/**
 * A development server of a project's own, which says where it is.
 *
 * @param {string} cwd
 * @param {string[]} command
 * @param {Record<string, string>} [env] what it gets besides
 * @returns {Site}
 */
export const devServer =
  (cwd, [program = "", ...args], env = {}) =>
  async () => {
    const child = spawn(program, args, { cwd, env: { ...ENV, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk) => (said += chunk));
    const late = setTimeout(() => child.kill("SIGKILL"), TIMEOUT);
    const close = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, "exit");
    };
    for await (const line of createInterface(child.stdout)) {
      said += `${line}\n`;
      const url = /http:\/\/127\.0\.0\.1:\d+\/?/.exec(line)?.[0];
      // It goes on writing, and must not wait for a reader.
      if (url !== undefined) {
        clearTimeout(late);
        child.stdout.resume();
        return { url, close };
      }
    }
    clearTimeout(late);
    throw new Failed(`\`${[program, ...args].join(" ")}\` said of no address:\n${said}`);
  };

/**
 * Files below a folder, by their paths from `from` on.
 *
 * @param {string} from
 * @param {string} folder
 * @param {RegExp} pattern
 */
export async function filesOf(from, folder, pattern) {
  const entries = await readdir(join(from, folder), { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return paths.map((path) => relative(from, path)).filter((path) => pattern.test(path));
}

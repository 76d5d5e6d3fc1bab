// @ts-check
// Pages in browsers. A page fetches its orders itself, so any browser that can open a URL will do.
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build as bundle } from "esbuild";
import { browser as chromium, firefox, webkit } from "../../scripts/browser.mjs";
import { Failed, root } from "../../scripts/run.mjs";
import { versionOf } from "../../scripts/runtimes.mjs";

/** @typedef {Omit<import("./runner.mjs").Order, "id">} Order */
/** @typedef {import("./runner.mjs").Outcome} Outcome */

/**
 * @typedef {object} Browser
 * @property {string} name
 * @property {string} title
 * @property {() => Promise<string>} find its executable, installed if need be
 * @property {(profile: string) => string[]} args so that it has nothing of its user's; its page's address follows
 * @property {boolean} [display] whether it has to show its window somewhere
 */

/** @type {Browser[]} */
export const browsers = [
  {
    name: "chromium",
    title: "Chromium",
    find: chromium,
    args: (profile) => [
      // Chromium has no sandbox for root, and nothing here comes from outside this machine.
      ...["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", `--user-data-dir=${profile}`],
      ...["--disable-background-networking", "--disable-component-update"],
    ],
  },
  {
    name: "firefox",
    title: "Firefox",
    find: firefox,
    args: (profile) => ["--headless", "--no-remote", "--profile", profile],
  },
  {
    name: "webkit",
    title: "WebKitGTK",
    find: webkit,
    args: () => ["--private"],
    display: true,
  },
];

/** How long a browser may take until its page asks for an order, in milliseconds: much, on a busy machine. */
const TIMEOUT = 120_000;

/**
 * What a page loads: ours, to be pointed straight at the API.
 *
 * @returns {Promise<import("./mock.mjs").Files>}
 */
export async function pageFiles() {
  const { outputFiles } = await bundle({
    entryPoints: [`${root}/tests/runtimes/page.mjs`],
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const wasm = await readFile(`${root}/dist/wasm/crisp_upscale_bg.wasm`);
  return new Map([
    ["/page.js", { type: "text/javascript", body: outputFiles[0]?.text ?? "" }],
    ["/wasm/crisp_upscale_bg.wasm", { type: "application/wasm", body: wasm }],
  ]);
}

/**
 * Starts ours in a page.
 *
 * @param {Browser} browser
 * @param {string} origin where the files are served
 * @param {import("./mock.mjs").Files} files what {@link pageFiles} gave; the page and its orders are added
 */
export async function startPage(browser, origin, files) {
  const { name } = browser;
  const orders = new EventEmitter();
  const gone = new AbortController();
  const html = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="page.js"></script>';
  files.set(`/${name}`, { type: "text/html", body: html });
  files.set(`/orders/${name}`, {
    type: "application/json",
    async body(posted) {
      const ordered = once(orders, "order");
      orders.emit("page", JSON.parse(posted));
      const [order] = await ordered;
      return JSON.stringify(order);
    },
  });
  const late = setTimeout(() => gone.abort(new Failed(`${browser.title} did not open its page.`)), TIMEOUT);
  /** @type {Awaited<ReturnType<typeof openBrowser>> | undefined} */
  let opened;
  try {
    const hello = next(gone.signal, orders, "page");
    // Where the browser does not even start, nobody waits for it.
    hello.catch(() => {});
    opened = await openBrowser(browser, `${origin}/${name}`, gone);
    await hello;
    return {
      name: /** @type {const} */ ("ours"),
      title: opened.title,
      /**
       * As a client's own process does.
       *
       * @param {Order} order
       * @returns {Promise<Outcome>}
       */
      order(order) {
        const outcome = next(gone.signal, orders, "page");
        orders.emit("order", order);
        return outcome;
      },
      /** Ends the browser. */
      stop: opened.stop,
    };
  } catch (error) {
    await opened?.stop();
    throw error;
  } finally {
    clearTimeout(late);
  }
}

/**
 * Opens an address in a browser with a profile of its own.
 *
 * @param {Browser} browser
 * @param {string} address
 * @param {AbortController} gone is aborted with the reason when the browser ends
 */
export async function openBrowser({ title, find, args, display = false }, address, gone) {
  const path = await find();
  const profile = await mkdtemp(join(tmpdir(), "crisp-upscale-"));
  /** @type {import("node:child_process").ChildProcess[]} */
  const children = [];
  /** @type {(command: string, args: string[], env?: Record<string, string>) => import("node:child_process").ChildProcess} */
  const start = (command, args, env = {}) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
    let stderr = "";
    child.stderr?.on("data", (chunk) => {
      stderr = `${stderr}${chunk}`.slice(-4096);
    });
    child.on("error", ({ message }) => gone.abort(new Failed(message)));
    child.on("exit", () => gone.abort(new Failed(`${command} ended.\n${stderr}`)));
    children.push(child);
    return child;
  };
  const stop = async () => {
    const running = children.filter(
      ({ pid, exitCode, signalCode }) => pid && exitCode === null && !signalCode,
    );
    await Promise.all(
      running.map((child) => {
        child.kill();
        return once(child, "exit");
      }),
    );
    // What the browser's own children write last may come after its end.
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  };

  /** A display of its own, at the number that Xvfb chose. */
  const newDisplay = async () => {
    const { stdio } = start("Xvfb", ["-displayfd", "3", "-nolisten", "tcp"]);
    const lines = createInterface(/** @type {import("node:stream").Readable} */ (stdio[3]));
    return `:${await next(gone.signal, lines, "line")}`;
  };

  try {
    const env = display ? { DISPLAY: await newDisplay() } : {};
    start(path, [...args(profile), address], env);
    return { title: `${title} ${await versionOf(path, env)}`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * The next such event, or why there will be none.
 *
 * @param {AbortSignal} gone
 * @param {EventEmitter} emitter
 * @param {string} event
 */
async function next(gone, emitter, event) {
  try {
    const [value] = await once(emitter, event, { signal: gone });
    return value;
  } catch {
    throw gone.reason;
  }
}

// @ts-check
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { build as bundle } from "esbuild";
import { Failed, root } from "../../scripts/run.mjs";

/** Later dates strip the key from a redirect to another host; and no flags. */
const COMPATIBILITY_DATE = "2024-06-01";

/**
 * What workerd is to serve: one Worker at any free port, which may call this machine.
 *
 * @param {[name: string, file: string][]} modules
 */
const configOf = (modules) => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ( name = "main",
      worker = (
        compatibilityDate = "${COMPATIBILITY_DATE}",
        modules = [
${modules.map(([name, file]) => `          (name = "${name}", ${file.endsWith(".wasm") ? "wasm" : "esModule"} = embed "${file}"),`).join("\n")}
        ],
      ),
    ),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "orders", address = "127.0.0.1:0", http = (), service = "main")],
);
`;

/**
 * Starts workerd with one Worker, with no compatibility flags.
 *
 * @param {string} workerd its executable
 * @param {string} folder where the modules' files are; the configuration is written there, too
 * @param {[name: string, file: string][]} modules the first one has the handlers
 */
export async function serveWorker(workerd, folder, modules) {
  await writeFile(join(folder, "config.capnp"), configOf(modules));
  const child = spawn(workerd, ["serve", "--control-fd=3", join(folder, "config.capnp")], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr = `${stderr}${chunk}`.slice(-4096);
  });
  const control = createInterface({ input: /** @type {import("node:stream").Readable} */ (child.stdio[3]) });
  const port = await new Promise((resolve, reject) => {
    control.on("line", (line) => {
      const { event, port } = JSON.parse(line);
      if (event === "listen") resolve(port);
    });
    child.on("error", reject);
    child.on("close", () => reject(new Failed(`workerd could not be started.\n${stderr}`)));
  });
  return {
    /** Where it answers, with no slash at the end. */
    url: `http://127.0.0.1:${port}`,
    /** The end of what it has written. */
    stderr: () => stderr,
    /** Ends it. */
    stop() {
      // It would wait for requests that hang.
      child.kill("SIGKILL");
    },
  };
}

/**
 * Starts a Worker in workerd, bundled by the conditions and the treatment of `.wasm` files that wrangler has.
 *
 * @param {string} workerd its executable
 * @param {string} worker its source
 */
export async function bundleWorker(workerd, worker) {
  const folder = await mkdtemp(join(tmpdir(), "crisp-upscale-"));
  await bundle({
    entryPoints: [worker],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    // What one of the peers asks for at run time, and does without.
    external: ["node:*"],
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
  });
  /** @type {Awaited<ReturnType<typeof serveWorker>> | undefined} */
  let server;
  const stop = async () => {
    server?.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const first = basename(worker).replace(/mjs$/, "js");
    const others = (await readdir(folder)).filter((file) => file !== first);
    server = await serveWorker(
      workerd,
      folder,
      [first, ...others].map((file) => [file, file]),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...server, stop };
}

/**
 * Starts ours in workerd.
 *
 * @param {string} workerd its executable
 */
export async function startWorkerd(workerd) {
  const { url, stderr, stop } = await bundleWorker(workerd, `${root}/tests/runtimes/worker.mjs`);
  return {
    name: /** @type {const} */ ("ours"),
    /**
     * Has it work off an order.
     *
     * @param {Omit<import("./runner.mjs").Order, "id">} order
     * @returns {Promise<import("./runner.mjs").Outcome>}
     */
    async order(order) {
      const reply = await fetch(url, {
        method: "POST",
        body: JSON.stringify(order),
        // In a request that hangs, no timer of its own may go off either.
        signal: AbortSignal.timeout((order.jobs + 1) * order.timeout),
      });
      if (!reply.ok) throw new Failed(`workerd answers ${reply.status}: ${await reply.text()}\n${stderr()}`);
      return /** @type {any} */ (await reply.json());
    },
    /** Ends it. */
    stop,
  };
}

// @ts-check
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build as bundle } from "esbuild";
import { Failed, root } from "../scripts/run.mjs";

/** Later dates strip the key from a redirect to another host; and no flags. */
const COMPATIBILITY_DATE = "2024-06-01";

/** What workerd is to serve: one Worker at any free port, which may call this machine. */
const CONFIG = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ( name = "main",
      worker = (
        compatibilityDate = "${COMPATIBILITY_DATE}",
        modules = [
          (name = "worker.js", esModule = embed "worker.js"),
          (name = "crisp_upscale_bg.wasm", wasm = embed "crisp_upscale_bg.wasm"),
        ],
      ),
    ),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "orders", address = "127.0.0.1:0", http = (), service = "main")],
);
`;

/**
 * Starts ours in workerd, bundled by the conditions and the treatment of `.wasm` files that wrangler has.
 *
 * @param {string} workerd its executable
 * @param {string} [entry] the Worker
 */
export async function startWorkerd(workerd, entry = `${root}/tests/runtimes/worker.mjs`) {
  const folder = await mkdtemp(join(tmpdir(), "crisp-upscale-"));
  await bundle({
    entryPoints: [entry],
    outdir: folder,
    entryNames: "worker",
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
  });
  await writeFile(join(folder, "config.capnp"), CONFIG);
  const child = spawn(workerd, ["serve", "--control-fd=3", join(folder, "config.capnp")], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr = `${stderr}${chunk}`.slice(-4096);
  });
  const control = createInterface({ input: /** @type {import("node:stream").Readable} */ (child.stdio[3]) });
  const stop = async () => {
    // It would wait for requests that hang.
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  };
  const port = await new Promise((resolve, reject) => {
    control.on("line", (line) => {
      const { event, port } = JSON.parse(line);
      if (event === "listen") resolve(port);
    });
    child.on("error", reject);
    child.on("close", () => reject(new Failed(`workerd could not be started.\n${stderr}`)));
  }).catch(async (error) => {
    await stop();
    throw error;
  });

  return {
    name: /** @type {const} */ ("ours"),
    /**
     * Has it work off an order.
     *
     * @param {Omit<import("./player.mjs").Order, "id">} order
     * @returns {Promise<import("./player.mjs").Outcome>}
     */
    async order(order) {
      const reply = await fetch(`http://127.0.0.1:${port}/`, {
        method: "POST",
        body: JSON.stringify(order),
        // In a request that hangs, no timer of its own may go off either.
        signal: AbortSignal.timeout((order.jobs + 1) * order.patience),
      });
      if (!reply.ok) throw new Failed(`workerd answers ${reply.status}: ${await reply.text()}\n${stderr}`);
      return /** @type {any} */ (await reply.json());
    },
    /** Ends it. */
    stop,
  };
}

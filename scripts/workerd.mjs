// @ts-check
// The gateway in workerd, as wrangler.jsonc configures it, in a process of its own: miniflare needs a later Node than
// the package. The parent sends the options and receives the address. Both end together.
import { subscribe } from "node:diagnostics_channel";
import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { root } from "./run.mjs";

// Their types need those of packages that do not come with them.
const load = createRequire(import.meta.url);
const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = load("miniflare");
const { unstable_getMiniflareWorkerOptions: configured } = load("wrangler");

/** @type {import("node:child_process").ChildProcess | undefined} */
let workerd;
subscribe("child_process", (message) => {
  ({ process: workerd } = /** @type {{ process: import("node:child_process").ChildProcess }} */ (message));
});

process.once("message", async (/** @type {import("./gateway.mjs").Options} */ options) => {
  try {
    const miniflare = new Miniflare(convertV4MiniflareOptions(await optionsOf(options)));
    process.on("disconnect", () => miniflare.dispose().finally(() => process.exit()));
    const { origin } = await miniflare.ready;
    send({ url: origin, pid: workerd?.pid });
  } catch (error) {
    send({ error: String(error) });
    process.disconnect();
  }
});

/** @param {object} message */
function send(message) {
  process.send?.(message);
}

/** @param {import("./gateway.mjs").Options} options */
async function optionsOf({ settings, storage, port = 0, results = true, auth, bundle }) {
  const { config, folder } = bundle ?? {
    config: `${root}/gateway/wrangler.jsonc`,
    folder: `${root}/dist/gateway`,
  };
  const { workerOptions, main: source } = configured(config);
  const main = `${folder}/${basename(source)}`;
  const files = await readdir(folder, { recursive: true });
  // The one with the handlers is the first.
  const others = files.map((file) => `${folder}/${file}`).filter((file) => file !== main);
  return {
    host: "127.0.0.1",
    port,
    // Or it is asked for at Cloudflare.
    cf: false,
    log: new Log(LogLevel.ERROR),
    logRequests: false,
    /** @param {{ level: string, message: string }} log */
    handleStructuredLogs: (log) => send({ log }),
    resourcePersistencePath: storage,
    workers: [
      {
        ...workerOptions,
        name: "gateway",
        rootPath: undefined,
        modulesRules: undefined,
        modulesRoot: folder,
        modules: [main, ...others].flatMap(moduleOf),
        bindings: settings,
        r2Buckets: results ? { RESULTS: "results" } : {},
        ...(auth === undefined
          ? {}
          : { serviceBindings: { AUTH: { external: { address: new URL(auth).host, http: {} } } } }),
      },
    ],
  };
}

/** @param {string} path */
function moduleOf(path) {
  if (path.endsWith(".js")) return [{ type: "ESModule", path }];
  return path.endsWith(".wasm") ? [{ type: "CompiledWasm", path }] : [];
}

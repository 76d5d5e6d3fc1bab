// @ts-check
// The gateway with the page, on this machine only. Stored jobs end with it, since the sandbox forgets its tasks, too.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { startGateway } from "./gateway.mjs";
import { freePort } from "./port.mjs";
import { Failed, script, step } from "./run.mjs";

/** How long the sandbox leaves a task in each state, in milliseconds: as at the real service, with time to reload the page. */
const DELAYS = { waiting: 2000, queuing: 2000, generating: 4000 };

await script(async () => {
  const { values } = parseArgs({ options: { port: { type: "string", default: "8080" } } });
  await build();

  const port = await freePort(Number(values.port)).catch((error) => {
    if (error.code !== "EADDRINUSE") throw error;
    throw new Failed(`Port ${values.port} is taken. Choose another: npm start -- --port 8081`);
  });
  const key = process.env.KIE_API_KEY ?? "";
  const upstream = key === "" ? await standIn() : real(key);
  const passphrase = randomBytes(12).toString("base64url");
  const page = `http://127.0.0.1:${port}`;
  const gateway = await startGateway({
    port,
    settings: {
      TOKEN_SECRET: randomBytes(32).toString("base64url"),
      PASSPHRASE: passphrase,
      PAGE_TASKS_PER_HOUR: "100",
      ...upstream.settings,
      IMAGE_ORIGINS: [page, ...upstream.origins].join(" "),
    },
  });
  step(upstream.says);
  console.log(`\n  The demo page is at ${page}/#passphrase=${passphrase}\n  Ctrl+C ends it.\n`);

  await Promise.race(["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => once(process, signal)));
  await gateway.close();
  await upstream.close();
});

/**
 * @typedef {object} Upstream
 * @property {Record<string, string>} settings of the gateway
 * @property {string[]} origins where images may be although they are not public
 * @property {string} says for whoever starts it
 * @property {() => Promise<void>} close
 */

/** @returns {Promise<Upstream>} */
async function standIn() {
  // Only now: these come with the build.
  const { createSandbox } = await import("../dist/sandbox.js");
  const { serve } = await import("./serve.mjs");
  const key = "sandbox";
  const sandbox = createSandbox({ key, delays: DELAYS });
  const { url, close } = await serve(sandbox.fetch, { port: 0 });
  return {
    settings: { KIE_API_KEY: key, BASE_URL: url, UPLOAD_BASE_URL: url, UPSTREAM_NAME: "sandbox" },
    origins: [url],
    says: "The sandbox stands in for the API; its resampling is not Recraft's model",
    async close() {
      await close();
      await sandbox.close();
    },
  };
}

/**
 * Nothing here could be tried against the real service.
 *
 * @param {string} key
 * @returns {Upstream}
 */
function real(key) {
  return {
    // The service could not call this machine back.
    settings: { KIE_API_KEY: key, PUBLIC_URL: "none" },
    origins: [],
    says: "The real service is used, with the key from KIE_API_KEY: every upscale costs credits",
    close: async () => {},
  };
}

// @ts-check
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { Failed, root, script, step } from "./run.mjs";
import { folderOf } from "./static.mjs";

const API = "https://api.kie.ai";
const UPLOADS = "https://kieai.redpandaai.co";

await script(async () => {
  const { values } = parseArgs({ options: { port: { type: "string", default: "8080" } } });
  await build();

  // Only now: these come with the build.
  const { Upscaler } = await import("../dist/node.js");
  const { localServer } = await import("./local.mjs");
  const { serve } = await import("./serve.mjs");
  const key = process.env.KIE_API_KEY;
  const upstream = key === undefined || key === "" ? await standIn() : real(key);
  const handler = localServer({ upstream, Upscaler, files: await folderOf(`${root}/dist/www`) });
  const { url } = await serve(handler, { port: Number(values.port) }).catch((error) => {
    if (error.code !== "EADDRINUSE") throw error;
    throw new Failed(`Port ${values.port} is taken. Choose another: npm start -- --port 8081`);
  });
  step(
    upstream.name === "sandbox"
      ? "The sandbox stands in for the API; its resampling is not Recraft's model"
      : "The real service is used, with the key from KIE_API_KEY: every upscale costs credits",
  );
  console.log(`\n  The demo page is at ${url}\n  Ctrl+C ends it.\n`);
});

/** @returns {Promise<import("./local.mjs").Upstream>} */
async function standIn() {
  const { createSandbox } = await import("../dist/sandbox.js");
  // Long enough for each state to be seen, as at the real service.
  const sandbox = createSandbox({ delays: { waiting: 2000, queuing: 2000, generating: 4000 } });
  return {
    name: "sandbox",
    key: "sandbox",
    baseUrl: undefined,
    uploadBaseUrl: undefined,
    fetch: sandbox.fetch,
  };
}

/**
 * Nothing here could be tried against the real service.
 *
 * @param {string} key
 * @returns {import("./local.mjs").Upstream}
 */
function real(key) {
  return {
    name: "kie.ai",
    key,
    baseUrl: API,
    uploadBaseUrl: UPLOADS,
    fetch: (request) => fetch(request),
  };
}

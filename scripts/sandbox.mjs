// @ts-check
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { Failed, script, step } from "./run.mjs";

await script(async () => {
  const { values } = parseArgs({ options: { port: { type: "string", default: "8090" } } });
  await build();

  // Only now: these come with the build.
  const { createSandbox } = await import("../dist/sandbox.js");
  const { serve } = await import("./serve.mjs");
  const { url } = await serve(createSandbox().fetch, { port: Number(values.port) }).catch((error) => {
    if (error.code !== "EADDRINUSE") throw error;
    throw new Failed(`Port ${values.port} is taken. Choose another: npm run sandbox -- --port 8091`);
  });
  step("The sandbox stands in for the API, with the key `sandbox`; its resampling is not Recraft's model");
  console.log(`\n  ${url}\n  Ctrl+C ends it.\n`);
});

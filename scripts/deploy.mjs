// @ts-check
// Builds everything and deploys page and gateway to Cloudflare. Arguments after `npm run deploy --` go to `wrangler
// deploy`: `--dry-run` shows what would be deployed.
import { build } from "./build.mjs";
import { root, run, script } from "./run.mjs";

await script(async () => {
  await build();
  const bin = `${root}/node_modules/.bin`;
  const config = `${root}/gateway/wrangler.jsonc`;
  // In the Node that comes with the packages, since wrangler needs a later one than the package does.
  await run(`${bin}/node`, [`${bin}/wrangler`, "deploy", "--config", config, ...process.argv.slice(2)], {
    env: { WRANGLER_SEND_METRICS: "false" },
  });
});

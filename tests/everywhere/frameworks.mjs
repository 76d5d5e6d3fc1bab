// @ts-check
// What frameworks make of the same suite, in a page of theirs that is built and served as they do, with no configuration
// made for the package.
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { installPackages } from "../../scripts/build.mjs";
import { root } from "../../scripts/run.mjs";
import { inChromium, output, site } from "./start.mjs";

/**
 * @typedef {object} Framework
 * @property {string} name
 * @property {string} folder of its packages and its `app/`
 * @property {string[]} build the script below its packages, and its arguments
 * @property {string} built the folder that it leaves
 * @property {Record<string, string>} [env]
 */

/** @type {Framework[]} */
const FRAMEWORKS = [
  {
    name: "Astro 7",
    folder: "astro-7",
    build: ["astro/bin/astro.mjs", "build"],
    built: "dist",
    env: { ASTRO_TELEMETRY_DISABLED: "1" },
  },
  { name: "SvelteKit 3", folder: "sveltekit-3", build: ["vite/bin/vite.js", "build"], built: "build" },
  {
    name: "Nuxt 4",
    folder: "nuxt-4",
    build: ["nuxt/bin/nuxt.mjs", "generate"],
    built: ".output/public",
    env: { NUXT_TELEMETRY_DISABLED: "1" },
  },
];

/**
 * @param {import("./project.mjs").Project} project
 * @param {import("playwright-core").Browser} chromium
 * @param {{ node24: string }} paths
 * @returns {import("./start.mjs").Row[]}
 */
export function frameworkRows({ folder: project }, chromium, { node24 }) {
  return FRAMEWORKS.map(({ name, folder, build: [program = "", ...args], built, env = {} }) => ({
    name,
    async prepare() {
      const tools = `${root}/tests/everywhere/${folder}`;
      await installPackages(tools);
      // Below its packages, which are too large for a copy.
      const copied = `${tools}/output`;
      await rm(copied, { recursive: true, force: true });
      await mkdir(copied);
      for (const from of [project, `${tools}/app`]) await cp(from, copied, { recursive: true });
      await output(copied, [node24, `${tools}/node_modules/${program}`, ...args], env);
      const served = site(join(copied, built));
      return inChromium(chromium, async () => {
        const { url, close } = await served();
        return {
          url,
          async close() {
            await close();
            await rm(copied, { recursive: true, force: true, maxRetries: 10 });
          },
        };
      });
    },
  }));
}

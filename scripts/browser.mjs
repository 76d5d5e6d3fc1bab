// @ts-check
import { existsSync } from "node:fs";
import { attempt, Failed, step } from "./run.mjs";
import { debianHas, install } from "./toolchain.mjs";

/** Where systems put a Chromium or Chrome. */
const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/**
 * The executable of a Chromium, installed if need be.
 *
 * @returns {Promise<string>}
 */
export async function browser() {
  const { chromium } = await import("playwright-core");
  const find = () =>
    [process.env.CHROMIUM, ...PLACES, chromium.executablePath()].find((path) => path && existsSync(path));
  const present = find();
  if (present) return present;
  if (await debianHas(["chromium"])) {
    step("Installing Debian's Chromium for the tests of the page");
    await install(["chromium"]);
  } else {
    step("Downloading a Chromium for the tests of the page");
    await attempt("npx", ["playwright-core", "install", "chromium"]);
  }
  const installed = find();
  if (installed) return installed;
  throw new Failed(
    "The tests of the page need a Chromium, and none could be installed. Install one, or name it in CHROMIUM.",
  );
}

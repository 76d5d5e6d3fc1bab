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

/** Where systems put a Firefox. */
const FIREFOX = [
  "/usr/bin/firefox-esr",
  "/usr/bin/firefox",
  "/Applications/Firefox.app/Contents/MacOS/firefox",
];

/** Where Debian puts WebKitGTK's own small browser. */
const WEBKIT = ["x86_64", "aarch64"].map((cpu) => `/usr/lib/${cpu}-linux-gnu/webkit2gtk-4.1/MiniBrowser`);

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

/**
 * The executable of a Firefox, installed if need be.
 *
 * @returns {Promise<string>}
 */
export async function firefox() {
  const path = await ofDebian(["firefox-esr"], () => FIREFOX.find((path) => existsSync(path)));
  if (path === undefined) throw new Failed("there is no Firefox, and none could be installed");
  return path;
}

/**
 * The executable of WebKitGTK's browser, installed if need be, and with it an Xvfb.
 *
 * @returns {Promise<string>}
 */
export async function webkit() {
  const path = await ofDebian(["libwebkit2gtk-4.1-0", "xvfb"], () =>
    existsSync("/usr/bin/Xvfb") ? WEBKIT.find((path) => existsSync(path)) : undefined,
  );
  if (path === undefined) throw new Failed("there is no WebKitGTK with an Xvfb, and none could be installed");
  return path;
}

/**
 * What `find` finds, after it was installed if need be.
 *
 * @param {string[]} packages Debian's
 * @param {() => string | undefined} find
 */
async function ofDebian(packages, find) {
  const present = find();
  if (present !== undefined || !(await debianHas(packages))) return present;
  step(`Installing Debian's ${packages.join(", ")}`);
  await install(packages);
  return find();
}

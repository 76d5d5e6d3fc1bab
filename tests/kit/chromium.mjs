// @ts-check
import { chromium } from "playwright-core";
import { browser } from "../../scripts/browser.mjs";

/** A real Chromium that asks nobody outside this machine. */
export async function launchChromium() {
  return chromium.launch({
    executablePath: await browser(),
    // Chromium's own sandbox does not run as root, and nothing here comes from outside.
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
}

// @ts-check
// How soon a page knows that its job has ended, and how often it polled: the demo page in Chromium, through the
// gateway in workerd.
import { chromium } from "playwright-core";
import { createSandbox } from "../../dist/sandbox.js";
import { browser } from "../../scripts/browser.mjs";
import { startGateway } from "../../scripts/gateway.mjs";
import { freePort } from "../../scripts/port.mjs";
import { serve } from "../../scripts/serve.mjs";
import { median } from "../statistics.mjs";
import { KEY } from "./setup.mjs";

const JOBS = 20;
const PASSPHRASE = "only this page's";

/**
 * Medians over jobs that follow each other, in milliseconds from the end that the sandbox has in its ledger: to
 * the page's request for the result, which it was told of, and to the result on the page.
 *
 * @param {(text: string) => void} say
 */
export async function push(say) {
  const sandbox = createSandbox({ key: KEY, delays: { waiting: 200, queuing: 200, generating: 300 } });
  const upstream = await serve(sandbox.fetch, { port: 0 });
  const port = await freePort(0);
  const gateway = await startGateway({
    port,
    settings: {
      KIE_API_KEY: KEY,
      BASE_URL: upstream.url,
      UPLOAD_BASE_URL: upstream.url,
      TOKEN_SECRET: "tokens are signed with this and nothing else",
      PASSPHRASE,
      PAGE_TASKS_PER_HOUR: "1000",
      IMAGE_ORIGINS: `${upstream.url} http://127.0.0.1:${port}`,
    },
  });
  const chrome = await chromium.launch({ executablePath: await browser() });
  try {
    const page = await chrome.newPage();
    let polls = 0;
    page.on("request", (request) => {
      if (request.url().includes("/recordInfo")) polls += 1;
    });
    await page.goto(`${gateway.url}/#passphrase=${encodeURIComponent(PASSPHRASE)}`);
    /** @type {number[]} */
    const shown = [];
    /** @type {number[]} */
    const told = [];
    for (let nth = 1; nth <= JOBS; nth += 1) {
      if (nth % 5 === 1) say(`Job ${nth} of ${JOBS}`);
      await page.locator(".sample").first().click();
      const done = page.evaluate(
        () =>
          new Promise((resolve) => {
            const { body } = document;
            performance.clearResourceTimings();
            let running = false;
            new MutationObserver((_, observer) => {
              running ||= body.dataset.state === "running";
              if (!running || body.dataset.state === "running") return;
              observer.disconnect();
              const at = Date.now();
              const results = performance.getEntries().filter(({ name }) => name.includes("/results/"));
              const asked = performance.timeOrigin + (results[0]?.startTime ?? Number.NaN);
              resolve({ state: body.dataset.state, at, asked });
            }).observe(body, { attributeFilter: ["data-state"] });
          }),
      );
      await page.locator("#upscale").click();
      const { state, at, asked } = /** @type {{ state: string, at: number, asked: number }} */ (await done);
      if (state !== "done") throw new Error(`The page says: ${await page.locator("#error").innerText()}`);
      const ledger = await sandbox.fetch(new Request("http://sandbox/sandbox/ledger"));
      const { tasks } = /** @type {import("../../dist/sandbox/types.js").Ledger} */ (await ledger.json());
      const end = tasks.at(-1)?.completeTime ?? Number.NaN;
      told.push(asked - end);
      shown.push(at - end);
    }
    return { toldMs: median(told), shownMs: median(shown), polls };
  } finally {
    await chrome.close();
    await gateway.close();
    await upstream.close();
    await sandbox.close();
  }
}

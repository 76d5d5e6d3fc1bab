// @ts-check
// <crisp-compare> by itself, in each browser, in a page with a strict policy and a style of its own for images.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Failed, root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { SMALL } from "../kit/images.mjs";
import { browsers, openBrowser } from "../kit/pages.mjs";

const POLICY = "default-src 'self'; style-src 'self'";

const HTML = `<!doctype html>
<link rel="icon" href="/small.png">
<link rel="stylesheet" href="/page.css">
<crisp-compare id="compare">
  <img slot="before" alt="Before">
  <img slot="after" alt="After">
  <p id="over">over the pictures</p>
</crisp-compare>
<script type="module" src="/page.js"></script>
`;

/** What frameworks do to every image. */
const CSS =
  "img { display: block; position: static; max-width: 100%; width: 10px; height: auto; margin: 1em } #compare { width: 640px }";

/** What the page does; it reports each step's find. */
const SCRIPT = `
import "/compare.js";

const compare = document.querySelector("crisp-compare");
const [before, after] = compare.querySelectorAll("img");
const frame = compare.shadowRoot.querySelector(".frame");
const range = compare.shadowRoot.querySelector("input");
const report = {};
const events = [];
for (const type of ["viewchange", "zoomchange"]) compare.addEventListener(type, () => events.push(type + " " + compare.view));
const changed = () => new Promise((resolve) => compare.addEventListener("viewchange", resolve, { once: true }));
const press = (key) => range.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

report.empty = compare.view;
let view = changed();
before.src = "/small.png";
await view;
report.before = compare.view;
view = changed();
after.src = "/small.png?after";
await view;
report.both = compare.view;

const box = frame.getBoundingClientRect();
const picture = before.getBoundingClientRect();
report.square = [box.width, box.height];
report.fits = Math.abs(picture.width - box.width) < 1 && Math.abs(picture.height - box.height) < 1;

compare.split = 130;
report.split = [compare.split, range.getAttribute("aria-valuetext")];

press("Enter");
report.zoomed = [compare.zoomed, frame.classList.contains("zoomed"), Math.round(before.getBoundingClientRect().width * devicePixelRatio)];
compare.removeAttribute("zoomed");
report.fit = [compare.zoomed, frame.classList.contains("zoomed")];

view = changed();
after.src = "/nothing.png";
await view;
report.broken = compare.view;
view = changed();
before.removeAttribute("src");
await view;
report.cleared = compare.view;
// Moved to another place in the page, it is still the same.
document.body.append(compare);
view = changed();
before.src = "/small.png?again";
await view;
report.moved = compare.view;
report.events = events;
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
`;

for (const browser of browsers) {
  test(`the element in ${browser.title}`, async (t) => {
    try {
      await browser.find();
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      return t.skip(error.message);
    }
    /** @type {Record<string, [body: string | Uint8Array, type: string]>} */
    const files = {
      "/": [HTML, "text/html"],
      "/page.css": [CSS, "text/css"],
      "/page.js": [SCRIPT, "text/javascript"],
      "/compare.js": [await readFile(`${root}/dist/compare.js`, "utf8"), "text/javascript"],
      "/small.png": [SMALL, "image/png"],
    };
    /** @type {(report: unknown) => void} */
    let resolve = () => {};
    const reported = new Promise((settle) => {
      resolve = settle;
    });
    const { url, close } = await serve(
      async (request) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/report") resolve(await request.json());
        const [body, type] = files[pathname] ?? [];
        if (body === undefined) return new Response(null, { status: 404 });
        const headers = { "content-type": String(type), "content-security-policy": POLICY };
        return new Response(/** @type {BodyInit} */ (body), { headers });
      },
      { port: 0 },
    );
    t.after(close);
    const gone = new AbortController();
    const left = new Promise((_, reject) => {
      gone.signal.addEventListener("abort", () => reject(gone.signal.reason));
    });
    const { stop } = await openBrowser(browser, url, gone);
    t.after(stop);
    assert.deepEqual(await Promise.race([reported, left]), {
      empty: "empty",
      before: "before",
      both: "both",
      square: [640, 640],
      fits: true,
      split: [100, "100 % before, 0 % after"],
      zoomed: [true, true, 32],
      fit: [false, false],
      broken: "before",
      cleared: "empty",
      moved: "before",
      events: [
        ...["viewchange before", "viewchange both", "zoomchange both", "zoomchange both"],
        ...["viewchange before", "viewchange empty", "viewchange before"],
      ],
    });
  });
}

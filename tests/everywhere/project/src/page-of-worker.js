// A page whose work is done by a Web Worker, which a bundler bundles, too.
const worker = new Worker(new URL("./web-worker.js", import.meta.url), { type: "module" });
worker.postMessage(new URLSearchParams(location.search).get("harness"));

// @ts-check
// The environment of an example in the documents: the API is the sandbox, every photo is the cat, and there is a
// localStorage. Loaded before the example runs.
import { readFile } from "node:fs/promises";
import { createSandbox } from "crisp-upscale/sandbox";

const photo = await readFile(new URL("../../www/samples/cat.jpg", import.meta.url));
const internet = async () => new Response(photo, { headers: { "content-type": "image/jpeg" } });
const sandbox = createSandbox({
  fetch: internet,
  delays: { waiting: 0, queuing: 0, generating: 0 },
  gracePeriod: 0,
});
const API = ["https://api.kie.ai", "https://kieai.redpandaai.co", "http://sandbox.test"];

globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  return API.includes(new URL(request.url).origin) ? sandbox.fetch(request) : internet();
};
process.env.KIE_API_KEY = "sandbox";
process.env.TOKEN_SECRET = "a secret of 32 bytes, or of more";

/** As much of a `Storage` as `webStorage` and a property access need. */
const texts = new Map();
Object.defineProperty(globalThis, "localStorage", {
  value: new Proxy(
    {
      getItem: (/** @type {string} */ name) => texts.get(name) ?? null,
      setItem: (/** @type {string} */ name, /** @type {string} */ text) => texts.set(name, text),
      removeItem: (/** @type {string} */ name) => texts.delete(name),
    },
    {
      get: (methods, name) => Reflect.get(methods, name) ?? texts.get(name),
      set: (_, name, text) => Boolean(texts.set(name, text)),
      ownKeys: () => [...texts.keys()],
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    },
  ),
});

// @ts-check
// One createTask at each base URL, in whatever runtime runs this. Prints what came of each as a line of JSON.
import { Upscaler } from "crisp-upscale";

/** @type {any} */
const { Deno, process } = globalThis;
const [given] = Deno?.args ?? process.argv.slice(2);

for (const [name, baseUrl] of Object.entries(JSON.parse(given))) {
  const upscaler = new Upscaler({ apiKey: "a-secret-key", baseUrl });
  const end = await upscaler.submit("https://host.example/a.jpg").then(
    () => ({ kind: "made" }),
    ({ kind, charged, message }) => ({ kind, charged, message }),
  );
  console.log(JSON.stringify({ name, ...end, pending: (await upscaler.pending()).length }));
}
// A connection that stays open would keep some runtimes.
(Deno ?? process).exit();

// @ts-check
// Uploads a file on disk that changes or disappears meanwhile, and prints how it ended. Run by each Node, whose Blobs
// of files differ.
import { appendFileSync, openAsBlob, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { Upscaler } from "crisp-upscale";

/** @type {string[]} */
const stray = [];
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (error) => stray.push(`${event}: ${error}`));
}
let received = 0;
const server = createServer((request, response) => {
  let length = 0;
  request.on("data", (chunk) => {
    length += chunk.length;
  });
  request.on("end", () => {
    received = length;
    response.end(
      JSON.stringify({ code: 200, data: { downloadUrl: "https://files.example/a.png", taskId: "abc" } }),
    );
  });
  request.on("error", () => {});
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());

const path = `${tmpdir()}/crisp-upscale-${process.pid}.jpg`;
const SIZE = 300_000;
const write = () =>
  writeFileSync(path, Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(SIZE - 4)]));
/** @type {Record<string, () => void>} */
const CHANGES = { "it grows": () => appendFileSync(path, "x"), "it goes away": () => rmSync(path) };

/** @type {Record<string, unknown>} */
const outcomes = {};
for (const [what, change] of Object.entries(CHANGES)) {
  for (const moment of ["before", "while it is sent"]) {
    for (const idempotencyKey of [undefined, "k"]) {
      write();
      let tries = 0;
      const upscaler = new Upscaler({
        apiKey: "key",
        baseUrl: `http://127.0.0.1:${port}`,
        fetch: (request) => {
          tries += 1;
          if (tries === 1 && moment !== "before") change();
          return fetch(request);
        },
      });
      const file = await openAsBlob(path);
      if (moment === "before") change();
      received = 0;
      /** @type {any} */
      const options = idempotencyKey === undefined ? {} : { idempotencyKey };
      const outcome = await upscaler.submit(file, options).then(
        () => (tries === 2 ? "made" : `made with ${tries} requests`),
        (error) => `${error.name} ${error.kind} ${error.charged} after ${tries}`,
      );
      outcomes[`${what} ${moment}${idempotencyKey === undefined ? "" : ", with a key"}`] = outcome;
    }
  }
}
// Time for what nobody has caught.
for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
rmSync(path, { force: true });
server.closeAllConnections();
server.close();
process.stdout.write(JSON.stringify({ outcomes, stray, received: received > 0 }));

// @ts-check
// A process that upscales through a gateway and is killed while its task is being made: it prints a line when it is to be
// killed. `node cut-off.mjs '{ base, token, image, file, key, store, lost }'`
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { Upscaler } from "crisp-upscale";
import { fileStore } from "./file-store.mjs";

/** @typedef {"request" | "reply"} Lost what is lost */

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { base, token, image, file, key, store, lost } = JSON.parse(`${process.argv[2]}`);
  const upscaler = new Upscaler({
    baseUrl: base,
    token,
    store: fileStore(store),
    fetch: async (request) => {
      if (!request.url.endsWith("/createTask")) return fetch(request);
      if (lost === "reply") await (await fetch(request)).text();
      console.log("now");
      return new Promise(() => {});
    },
  });
  const options = key === undefined ? {} : { idempotencyKey: key };
  await upscaler.upscale(file === undefined ? image : new Blob([await readFile(file)]), options);
}

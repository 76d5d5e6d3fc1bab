// @ts-check
import { readFile } from "node:fs/promises";
import { serve } from "../../scripts/serve.mjs";

const sample = (/** @type {string} */ name) =>
  readFile(new URL(`../../www/samples/${name}`, import.meta.url));

/** Width and height of the samples in pixels, as an image viewer shows them. */
export const SAMPLES = {
  "cat.jpg": [420, 280],
  "coffee.webp": [420, 280],
  "rocket.png": [330, 220],
};

/** A GIF of one pixel. */
const GIF = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");

/** As small as the service takes one: 32 by 32 grey pixels. */
export const SMALL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAAAAABWESUoAAAANUlEQVR42mNg4BCQUNAwsHDwCIhIyCioaOiYMGPBig07Dpy4cOPBiw8/GEYVjCoYVTBSFQAAl2zwEJjgKNwAAAAASUVORK5CYII=",
  "base64",
);

/** The same size as a lossy webp, with no metadata. */
export const SMALL_WEBP = Buffer.from(
  "UklGRnAAAABXRUJQVlA4IGQAAADQAwCdASogACAAPv1AtFO/oqYjm/PwH4lsAJ0yhHT3YAfVHV6hZiwA/ur7n/Fynb83/xXBsNoTQpCqfXtPOGiGAS5e6WEH8uh/JZ/yvUrD99ZzyASvyabuPHuCS+1af/nF2AAA",
  "base64",
);

/** The same size as a jpeg. */
export const SMALL_JPEG = Buffer.from(
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wAARCAAgACADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAwX/xAAWEAADAAAAAAAAAAAAAAAAAAAAAgP/xAAYAQACAwAAAAAAAAAAAAAAAAADBQIEBv/EABYRAAMAAAAAAAAAAAAAAAAAAAACA//aAAwDAQACEQMRAD8AirMVZjLMZZlpnIyoCsxlmKsxlmBZxnKgKzGWYqzGWYFnM7KgKzGWYqzGWYBnGUqH/9k=",
  "base64",
);

/**
 * Serves photographs, and what is none, as hosts on the web do. A path that it does not know is a 404.
 */
export async function imageHost() {
  const photo = await sample("cat.jpg");
  /** @type {Record<string, { body: Buffer | string, type: string }>} */
  const files = {
    "/cat.jpg": { body: photo, type: "image/jpeg" },
    "/coffee.webp": { body: await sample("coffee.webp"), type: "image/webp" },
    "/rocket.png": { body: await sample("rocket.png"), type: "image/png" },
    "/small.png": { body: SMALL, type: "image/png" },
    "/page.jpg": { body: "<!doctype html><title>Sign in</title>", type: "text/html" },
    "/text.jpg": { body: "This is not a photo.", type: "image/jpeg" },
    "/animation.gif": { body: GIF, type: "image/gif" },
    "/large.jpg": { body: Buffer.concat([photo, Buffer.alloc(11 * 1024 * 1024)]), type: "image/jpeg" },
    "/cut.jpg": { body: photo.subarray(0, photo.length / 2), type: "image/jpeg" },
  };
  return serve(
    async (request) => {
      const file = files[new URL(request.url).pathname];
      if (file === undefined) return new Response("Not found", { status: 404 });
      return new Response(new Uint8Array(Buffer.from(file.body)), { headers: { "content-type": file.type } });
    },
    { port: 0 },
  );
}

/**
 * Files that must fail: where they are, and what the sentence has to name.
 *
 * @type {[name: string, path: string, says: RegExp][]}
 */
export const BAD_IMAGES = [
  ["a URL that answers 404", "/nothing.jpg", /fetch failed/i],
  ["an HTML page", "/page.jpg", /HTML page/],
  ["a text file", "/text.jpg", /not an image/],
  ["a GIF", "/animation.gif", /GIF/],
  ["a file over 10 MB", "/large.jpg", /10 MB/],
  ["a truncated jpeg", "/cut.jpg", /damaged|cut|incomplete|broken|end/i],
];

// @ts-check
// Uploads a file of 10.0 MB with an expired token and then a valid one, and prints how it ended. In a process of
// Node, Deno or Bun.
import process from "node:process";
import { Upscaler } from "crisp-upscale";

const { baseUrl, tokens } = JSON.parse(`${process.argv[2]}`);
const file = new Uint8Array(10 * 1024 * 1024);
// The beginning of a PNG of 1680 × 1120 pixels.
file.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
new DataView(file.buffer).setUint32(16, 1680);
new DataView(file.buffer).setUint32(20, 1120);
/** @type {number[]} */
const statuses = [];
const upscaler = new Upscaler({
  baseUrl,
  token: () => tokens.shift(),
  fetch: async (request) => {
    const response = await fetch(request);
    statuses.push(response.status);
    return response;
  },
});
const { url } = await upscaler.upload(file);
console.log(JSON.stringify({ url, statuses, left: tokens.length }));

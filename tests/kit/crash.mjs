// @ts-check
// A batch that is killed at random moments and started again, and what its ledger says afterwards.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { linesOf, run, sizeOf, start } from "./command.mjs";

/** @typedef {(request: Request) => Promise<Response>} Handler */

/**
 * What stands between the command and what it talks to: it loses requests and replies and cuts bodies, and tells when a
 * request comes and when its reply goes.
 *
 * @param {() => number} random
 * @param {number} share of the requests that meet a fault
 */
export function network(random, share) {
  let moment = () => {};
  /** @param {Handler} handler @returns {Handler} */
  const between = (handler) => async (request) => {
    moment();
    const fault = random() < share ? Math.floor(random() * 3) : undefined;
    if (fault === 0) throw new Error("The request is lost.");
    const response = await handler(request);
    moment();
    if (fault === 1) throw new Error("The reply is lost.");
    if (fault !== 2 || response.body === null) return response;
    const whole = new Uint8Array(await response.arrayBuffer());
    const cut = new ReadableStream({
      start(controller) {
        controller.enqueue(whole.subarray(0, whole.length / 2));
        controller.error(new Error("The body is cut."));
      },
    });
    return new Response(cut, { status: response.status, headers: response.headers });
  };
  return {
    between,
    /** @param {() => void} listener */
    onMoment: (listener) => {
      moment = listener;
    },
  };
}

/**
 * Runs the command again and again, and kills it each time after a random number of requests and replies, and a while.
 *
 * @param {object} batch
 * @param {string} batch.path the folder
 * @param {string[]} [batch.args]
 * @param {Record<string, string>} batch.env
 * @param {number} batch.kills
 * @param {number} batch.moments how many requests and replies a run lives for at most
 * @param {() => number} batch.random
 * @param {{ onMoment(listener: () => void): void }} batch.network
 */
export async function killed({ path, args = [], env, kills, moments, random, network }) {
  let done = 0;
  for (; done < kills; done += 1) {
    const running = start([path, "-r", "--json", ...args], { env });
    let left = 1 + Math.floor(random() * moments);
    network.onMoment(() => {
      left -= 1;
      if (left !== 0) return;
      // Now, or in the middle of what the command makes of it.
      const later = random() < 0.5 ? 0 : random() * 30;
      if (later === 0) running.child.kill("SIGKILL");
      else setTimeout(() => running.child.kill("SIGKILL"), later);
    });
    const { code, err } = await running.ended;
    network.onMoment(() => {});
    assert.ok([null, 0, 1].includes(code), err);
    if (code === 0) break;
  }
  return done;
}

/**
 * Runs the command until it has nothing more to do.
 *
 * @param {string} path
 * @param {Record<string, string>} env
 * @param {string[]} [args]
 */
export async function toTheEnd(path, env, args = []) {
  /** @type {Map<string, any>} */
  let lines = new Map();
  for (let runs = 0; runs < 20; runs += 1) {
    const ended = await run([path, "-r", "--json", ...args], { env });
    assert.ok(ended.code === 0 || ended.code === 1, ended.err);
    lines = new Map(linesOf(ended).map((line) => [line.image, line]));
    const left = [...lines.values()].filter(({ status }) => !["done", "unknown"].includes(status));
    if (left.length === 0) break;
  }
  return lines;
}

/**
 * Which image each task is for: its number.
 *
 * @param {import("crisp-upscale/sandbox").Ledger} ledger
 * @param {Handler} fetch the sandbox's
 */
export async function imagesOf({ tasks }, fetch) {
  return Promise.all(
    tasks.map(async ({ image, ...task }) => {
      const text = await (await fetch(new Request(image))).text();
      return { ...task, number: Number(text.slice(text.lastIndexOf("#") + 1)) };
    }),
  );
}

/**
 * No image has two tasks, each result is whole, and what was billed is a file or named as unknown.
 *
 * @param {object} seen
 * @param {string} seen.path
 * @param {number} seen.count of images
 * @param {Map<string, any>} seen.lines of the last run
 * @param {{ number: number, charged: number }[]} seen.tasks
 */
export async function isRight({ path, count, lines, tasks }) {
  const numbers = tasks.map(({ number }) => number);
  assert.equal(new Set(numbers).size, numbers.length, `two tasks for one image: ${numbers}`);
  assert.equal(lines.size, count);
  let results = 0;
  for (let n = 0; n < count; n += 1) {
    const name = join(path, `image-${String(n).padStart(3, "0")}`);
    const { status } = lines.get(`${name}.png`);
    if (status === "done") {
      assert.deepEqual(await sizeOf(`${name}.crisp.png`), [128, 128]);
      results += 1;
      assert.ok(numbers.includes(n));
    } else assert.equal(status, "unknown");
  }
  const left = (await readdir(path, { recursive: true })).filter((name) => name.endsWith(".part"));
  assert.deepEqual(left, [], "nothing half written is left");
  return results;
}

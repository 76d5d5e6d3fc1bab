// @ts-check
// Tokens for the gateway, made on a site's own server. The gateway's side of them is
// gateway/core/tests/token.rs, which has the same token.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { mintToken } from "crisp-upscale";
import { failure } from "../kit/failure.mjs";

/** @typedef {import("crisp-upscale").MintOptions} MintOptions */

const secret = "0123456789abcdef0123456789abcdef";
/** Unix seconds, half a second before the clock. */
const NOW = 1_786_413_282;

/** @param {import("node:test").TestContext} t */
function stopClock(t) {
  t.mock.method(Date, "now", () => NOW * 1000 + 500);
}

/** @param {string} token */
function opened(token) {
  const [header = "", claims = "", signature] = token.split(".");
  const expected = createHmac("sha256", secret).update(`${header}.${claims}`).digest("base64url");
  assert.equal(signature, expected);
  const read = (/** @type {string} */ part) => Buffer.from(part, "base64url").toString();
  assert.equal(read(header), '{"alg":"HS256","typ":"JWT"}');
  return read(claims);
}

test("a token is the one that the gateway's own tests verify", async (t) => {
  stopClock(t);
  assert.equal(
    await mintToken({ secret, sub: "visitor 7 ü", expiresIn: 3600, tasksPerHour: 5 }),
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ2aXNpdG9yIDcgw7wiLCJleHAiOjE3ODY0MTY4ODIsInRhc2tzUGVySG91ciI6NX0.cILy47AUxBbFufj5fyIVnAgiY52Ws53azzqUvUJtpyk",
  );
});

test("what is not told is an hour and the gateway's own budget", async (t) => {
  stopClock(t);
  assert.equal(opened(await mintToken({ secret, sub: "a" })), `{"sub":"a","exp":${NOW + 3600}}`);
});

test("the ends of what is allowed", async (t) => {
  stopClock(t);
  const sub = "🐈".repeat(200);
  const token = await mintToken({ secret, sub, expiresIn: 86_400, tasksPerHour: 0 });
  assert.equal(opened(token), JSON.stringify({ sub, exp: NOW + 86_400, tasksPerHour: 0 }));
  assert.ok(token.length <= 4096, "the gateway reads no more");
  assert.ok(await mintToken({ secret: "äöüäöüäöüäöüäöüä", sub: '"\\\u2028', expiresIn: 1 }));
});

test("what the gateway would refuse is refused here, and says why", async (t) => {
  /** @type {Record<string, [Record<string, unknown>, RegExp]>} */
  const calls = {
    "no secret": [{ secret: undefined }, /^The secret is no text/],
    "an empty secret": [{ secret: "" }, /^The secret has 0 bytes and must have 32/],
    "a short secret": [{ secret: secret.slice(1) }, /^The secret has 31 bytes and must have 32/],
    "no caller": [{ sub: undefined }, /^The sub must be/],
    "a caller that is a number": [{ sub: 7 }, /^The sub must be/],
    "an empty caller": [{ sub: "" }, /^The sub must be/],
    "a long caller": [{ sub: "x".repeat(201) }, /^The sub must be/],
    "a caller of two lines": [{ sub: "a\nb" }, /^The sub must be/],
    "a caller with a NUL": [{ sub: "a\0b" }, /^The sub must be/],
    "a caller with half a character": [{ sub: "a\ud800" }, /^The sub must be/],
    "no time": [{ expiresIn: 0 }, /^The expiresIn must be/],
    "a time in the past": [{ expiresIn: -1 }, /^The expiresIn must be/],
    "more than a day": [{ expiresIn: 86_401 }, /^The expiresIn must be/],
    "half a second": [{ expiresIn: 0.5 }, /^The expiresIn must be/],
    "a time that is a text": [{ expiresIn: "1h" }, /^The expiresIn must be/],
    "no number of tasks": [{ tasksPerHour: Number.NaN }, /^The tasksPerHour must be/],
    "a negative number of tasks": [{ tasksPerHour: -1 }, /^The tasksPerHour must be/],
    "a part of a task": [{ tasksPerHour: 1.5 }, /^The tasksPerHour must be/],
    "no end of tasks": [{ tasksPerHour: Number.POSITIVE_INFINITY }, /^The tasksPerHour must be/],
    "more tasks than can be counted": [{ tasksPerHour: 2 ** 32 }, /^The tasksPerHour must be/],
  };
  for (const [name, [options, says]] of Object.entries(calls)) {
    await t.test(name, async () => {
      const error = await failure(mintToken(/** @type {MintOptions} */ ({ secret, sub: "a", ...options })));
      assert.deepEqual([error.kind, error.charged, error.resume], ["invalid-input", "no", undefined]);
      assert.match(error.message, says);
      assert.ok(!error.message.includes(secret.slice(1)));
    });
  }
});

test("a web page is refused, since its visitors could read the secret", async () => {
  const { process } = globalThis;
  Object.assign(globalThis, { process: undefined, document: {} });
  const minting = mintToken({ secret, sub: "a" });
  Object.assign(globalThis, { process });
  Reflect.deleteProperty(globalThis, "document");
  const error = await failure(minting);
  assert.equal(error.kind, "invalid-input");
  assert.match(error.message, /^In a web page every visitor/);
});

test("a runtime without crypto.subtle says so", async (t) => {
  t.mock.getter(crypto, "subtle", () => undefined);
  const error = await failure(mintToken({ secret, sub: "a" }));
  assert.match(error.message, /crypto\.subtle/);
  assert.ok(error.cause instanceof TypeError);
});

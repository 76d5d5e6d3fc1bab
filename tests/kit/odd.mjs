// @ts-check
// Odd values, and a random generator with a seed.
import vm from "node:vm";

/**
 * Random numbers below 1, the same for the same seed (mulberry32).
 *
 * @param {number} seed
 */
export function rngOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the odd values throw: a caller meets it only where it came out of the caller's own iterable. */
export class Thrown extends Error {}

/** @returns {never} */
function boom() {
  throw new Thrown("an odd value threw");
}

const throwing = () => new Proxy({}, { get: boom, has: boom, ownKeys: boom, getPrototypeOf: boom });

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function detached() {
  const bytes = new Uint8Array(8);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
}

function cyclic() {
  /** @type {any} */
  const value = {};
  value.self = value;
  return value;
}

/** @param {() => void} then */
function thenable(then) {
  return { then };
}

/** @type {Record<string, () => unknown>} */
export const ODD = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  zero: () => 0,
  NaN: () => Number.NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  "a negative number": () => -1,
  "a fraction": () => 0.5,
  "a large number": () => 1e308,
  "a bigint": () => 10n,
  "an empty text": () => "",
  "a text": () => "text",
  "a number as text": () => "100",
  "half a surrogate": () => "\ud800",
  "a NUL": () => "a\0b",
  "a long text": () => "x".repeat(100_000),
  "a data URL": () => "data:image/png;base64,AAAA",
  "a URL with half a surrogate": () => "https://host.example/\udc00",
  "a symbol": () => Symbol("odd"),
  "a function": () => () => {},
  "a function that throws": () => boom,
  "an async function that throws": () => async () => boom(),
  "a function that never answers": () => () => new Promise(() => {}),
  "a function that gives an object": () => () => ({}),
  "a class": () => class Odd {},
  "an array": () => [],
  "an array of odd things": () => [null, undefined, Symbol("odd"), {}, boom],
  "an object": () => ({}),
  "an object without a prototype": () => Object.create(null),
  "a cycle": cyclic,
  "a Proxy that throws": throwing,
  "a revoked Proxy": revoked,
  "a Proxy of a URL": () => new Proxy(new URL("https://host.example/a.jpg"), {}),
  "a Proxy of a signal": () => new Proxy(new AbortController().signal, {}),
  "a Proxy of a Blob": () => new Proxy(new Blob(["a"]), {}),
  "a toString that throws": () => ({ toString: boom }),
  "a toString that gives an object": () => ({ toString: () => ({}), valueOf: () => ({}) }),
  "a toPrimitive that throws": () => ({ [Symbol.toPrimitive]: boom }),
  "a toStringTag that throws": () => Object.defineProperty({}, Symbol.toStringTag, { get: boom }),
  "a toStringTag of an ArrayBuffer": () => ({ [Symbol.toStringTag]: "ArrayBuffer" }),
  "a toStringTag of a Blob": () => ({ [Symbol.toStringTag]: "Blob", size: 10, slice: () => null }),
  "a thenable that throws": () => thenable(boom),
  "a thenable that never settles": () => thenable(() => {}),
  "a promise that never settles": () => new Promise(() => {}),
  "an iterable that throws": () => ({ [Symbol.iterator]: boom }),
  "an iterable whose next throws": () => ({ [Symbol.iterator]: () => ({ next: boom }) }),
  "an iterable whose next gives no object": () => ({ [Symbol.iterator]: () => ({ next: () => 5 }) }),
  "an async iterable that throws": () => ({ [Symbol.asyncIterator]: boom }),
  "an async iterable that never answers": () => ({
    [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
  }),
  "a Date": () => new Date(Number.NaN),
  "a RegExp": () => /odd/,
  "a Map": () => new Map(),
  "a Set": () => new Set(["https://host.example/a.jpg"]),
  "a WeakMap": () => new WeakMap(),
  "an Error": () => new Error("odd"),
  "no bytes": () => new Uint8Array(),
  "bytes that were given away": detached,
  "shared bytes": () => new Uint8Array(new SharedArrayBuffer(8)),
  "a shared buffer": () => new SharedArrayBuffer(8),
  "bytes of another realm": () => vm.runInNewContext("new Uint8Array(8)"),
  "an object of another realm": () => vm.runInNewContext("({})"),
  "an empty Blob": () => new Blob([]),
  "a Blob that throws": () => Object.assign(new Blob(["a"]), { slice: boom, arrayBuffer: boom }),
  "a Blob whose bytes never come": () =>
    Object.assign(new Blob(["a"]), { slice: () => ({ arrayBuffer: () => new Promise(() => {}) }) }),
  "a Response": () => new Response("odd"),
  "a Request": () => new Request("https://host.example/"),
  "a URL": () => new URL("ftp://host.example/a.jpg"),
  Headers: () => new Headers(),
  "an AbortController": () => new AbortController(),
  "an aborted signal": () => AbortSignal.abort(new Thrown("aborted")),
  "a signal that cannot be listened to": () => ({
    aborted: false,
    addEventListener: boom,
    removeEventListener: boom,
  }),
  "an EventTarget": () => new EventTarget(),
};

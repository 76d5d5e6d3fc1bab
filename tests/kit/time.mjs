// @ts-check
// Time that runs faster for everything that is imported together with this, in any runtime, so that a timeout of a
// minute takes a moment. Only timers and `performance.now()`, which measures waits; dates stay true.
const later = globalThis.setTimeout;
const real = performance.now.bind(performance);
const { now: today } = Date;

let factor = 1;
let since = real();
let told = since;

const now = () => told + (real() - since) * factor;
// In workerd it belongs to the prototype and can only be covered.
Object.defineProperty(performance, "now", { value: now, configurable: true });
globalThis.setTimeout = /** @type {typeof setTimeout} */ (
  (/** @type {() => void} */ callback, ms = 0, /** @type {unknown[]} */ ...args) =>
    later(callback, ms / factor, ...args)
);

/**
 * How many times as fast time runs from now on; for timers to come.
 *
 * @param {number} times
 */
export function hurry(times) {
  told = now();
  since = real();
  factor = times;
}

/**
 * Sets the clock on the wall, and leaves the one that waits are measured on alone.
 *
 * @param {number} ms how far ahead of the true one; behind it where less than 0
 */
export function setWallClock(ms) {
  Date.now = () => today() + ms;
}

/**
 * Lets time pass in no time, as it does for who is asleep.
 *
 * @param {number} ms
 */
export function leap(ms) {
  told += ms;
}

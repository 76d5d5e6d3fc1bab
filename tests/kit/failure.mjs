// @ts-check
import assert from "node:assert/strict";
import { UpscaleError } from "crisp-upscale";

/**
 * The error that a call rejects with, which must be the package's own.
 *
 * @param {Promise<unknown>} promise
 * @param {typeof UpscaleError} Class of another copy of the package, where it is one
 * @returns {Promise<UpscaleError>}
 */
export async function failure(promise, Class = UpscaleError) {
  const error = await promise.then(
    () => assert.fail("it did not fail"),
    (error) => error,
  );
  assert.ok(error instanceof Class, `not an UpscaleError: ${error}`);
  assert.ok(error.message.length > 20, "a message says what to do");
  return error;
}

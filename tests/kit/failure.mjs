// @ts-check
import assert from "node:assert/strict";
import { UpscaleError } from "crisp-upscale";

/**
 * The error that a call rejects with, which must be the package's own.
 *
 * @param {Promise<unknown>} promise
 * @returns {Promise<UpscaleError>}
 */
export async function failure(promise) {
  const error = await promise.then(
    () => assert.fail("it did not fail"),
    (error) => error,
  );
  assert.ok(error instanceof UpscaleError, `not an UpscaleError: ${error}`);
  assert.ok(error.message.length > 20, "a message says what to do");
  return error;
}

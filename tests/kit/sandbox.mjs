// @ts-check
import { createSandbox } from "crisp-upscale/sandbox";

/** So that a task is done as soon as its pixels are. */
const AT_ONCE = { delays: { waiting: 0, queuing: 0, generating: 0 }, gracePeriod: 0 };

/**
 * A sandbox without delays, and a look at its ledger.
 *
 * @param {import("crisp-upscale/sandbox").SandboxOptions} [options]
 */
export function quickSandbox(options = {}) {
  const sandbox = createSandbox({ ...AT_ONCE, ...options });
  return {
    ...sandbox,
    /** @returns {Promise<import("crisp-upscale/sandbox").Ledger>} */
    async ledger() {
      return (await sandbox.fetch(new Request("http://sandbox/sandbox/ledger"))).json();
    },
    /** @param {import("crisp-upscale/sandbox").Fault[]} faults */
    async fail(...faults) {
      const body = JSON.stringify(faults);
      const reply = await sandbox.fetch(
        new Request("http://sandbox/sandbox/faults", { method: "POST", body }),
      );
      if (!reply.ok) throw new Error(`the sandbox refused the faults: ${await reply.text()}`);
    },
  };
}

// @ts-check
// Processor time of a job, and memory of a waiting one.
import { startMock } from "../../tests/kit/mock.mjs";
import { startChild } from "../child.mjs";
import { protocols } from "../peers/protocols.mjs";

/** How many jobs the processor time is of, and how many of them at a time. */
export const JOBS = 400;
const AT_A_TIME = 100;
/** How long a job takes, in milliseconds, so that each client has to look more than once. */
const DURATION = 1000;
/** How many jobs wait at once where the memory is measured. */
export const WAITING = 10_000;

/**
 * The processor time of one job in milliseconds, of a client and of a bare loop that sends as many requests.
 *
 * @param {string} name of the client
 * @returns {Promise<{ client: number, bare: number }>}
 */
export async function processorTime(name) {
  const mock = await startMock(new Map(), protocols);
  try {
    const stage = mock.stage(name, { durations: [DURATION] });
    const all = () => stage.requests.length + mock.filesRead();
    let warmed = 0;
    const client = await measured([name, stage.base, JOBS, AT_A_TIME], () => {
      warmed = all();
    });
    const requests = Math.round((all() - warmed) / JOBS);
    const { base } = mock.stage("ours", { durations: [0] });
    const bare = await measured(["bare", base, JOBS, AT_A_TIME, requests]);
    return { client, bare };
  } finally {
    mock.close();
  }
}

/** @param {(string | number)[]} args @param {() => void} [onWarm] */
async function measured(args, onWarm) {
  const child = startChild("peers/jobs", { args });
  await child.next();
  onWarm?.();
  const { microseconds } = await child.next();
  return microseconds / 1000;
}

/**
 * Bytes of each job while {@link WAITING} of them wait. `external` is the memory of the WebAssembly, and buffers.
 *
 * @param {string} name of the client
 * @returns {Promise<{ heap: number, external: number, rss: number }>}
 */
export const waitingMemory = (name) =>
  startChild("peers/waiting", { args: [name, WAITING], execArgv: ["--expose-gc"] }).next();

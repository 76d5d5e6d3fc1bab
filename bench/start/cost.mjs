// @ts-check
// What a job costs where the client runs: of the processor, and of the memory while it waits.
import { startMock } from "../../tests/kit/mock.mjs";
import { protocols } from "../peers/protocols.mjs";
import { told } from "./child.mjs";

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
 * @param {import("../peers/protocols.mjs").Name} name of the client
 * @returns {Promise<{ client: number, bare: number, requests: number }>}
 */
export async function processorTime(name) {
  const mock = await startMock(new Map(), protocols);
  try {
    const stage = mock.stage(name, { durations: [DURATION] });
    const all = () => stage.requests.length + mock.filesRead();
    let warmed = 0;
    const { microseconds } = await told("jobs", [name, stage.base, JOBS, AT_A_TIME], ({ ready }) => {
      if (ready) warmed = all();
    });
    const requests = Math.round((all() - warmed) / JOBS);
    const { base } = mock.stage("ours", { durations: [0] });
    const bare = await told("jobs", ["bare", base, JOBS, AT_A_TIME, requests]);
    return { client: microseconds / 1000, bare: bare.microseconds / 1000, requests };
  } finally {
    mock.close();
  }
}

/**
 * Bytes of each job, while {@link WAITING} of them wait. What is `external` is WebAssembly's.
 *
 * @param {import("../peers/protocols.mjs").Name} name of the client
 * @returns {Promise<{ heap: number, external: number, rss: number }>}
 */
export const waitingMemory = (name) => told("waiting", [name, WAITING]);

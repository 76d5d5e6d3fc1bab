// @ts-check
// The cases: what the mock does, what is measured, and what this client has to do.
import { random } from "../../tests/kit/rng.mjs";

/** @typedef {{ ledger: import("../../tests/kit/mock.mjs").Ledger, outcome: import("../../tests/kit/runner.mjs").Outcome }} Result */

/**
 * @typedef {object} Run one client at one stage
 * @property {import("../../tests/kit/mock.mjs").Stage} stage
 * @property {number} jobs how many the client does there, one after another; the last one is measured
 * @property {number} timeout when a call is given up, in milliseconds
 * @property {number} [abortAfter] in milliseconds
 */

/**
 * @typedef {object} Measured
 * @property {unknown} value for the JSON
 * @property {string} cell for the table
 * @property {boolean} holds whether it is as ours is to be
 */

/**
 * @typedef {object} Case
 * @property {string} key in the JSON
 * @property {string} title
 * @property {string} wanted what ours is to be
 * @property {Run[]} runs all at once
 * @property {(results: Result[]) => Measured} measure
 * @property {"warmed" | "quiet"} [alone] run while its client does nothing else. `warmed`: so that no other
 *   request takes the warmed connection; `quiet`: since it is about milliseconds
 * @property {import("../peers/protocols.mjs").Name} [only] the one client that it is for
 */

/** How many runs the cases have that are about time. */
const RUNS = 10;

/** When a call is given up, in milliseconds. The slowest peer looks every 6 s and tries again after waits. */
export const TIMEOUT = 40_000;

/** A job that is not done when a client looks for the first time, in milliseconds; runway looks after 6 s. */
const BRIEF = 2_000;

/** A job that is not done when it is aborted, in milliseconds. */
const ENDLESS = 600_000;

/** A job of T8, and how far it is from that at most. */
const LONG = 10_000;
const SPREAD = 0.2;
const EARLIER = 5;

/** `Retry-After: 2`, and how much later is still in time. In seconds. */
const ASKED = { least: 2, most: 2.5 };

/** @type {(fault: NonNullable<import("../../tests/kit/mock.mjs").Stage["fault"]>) => Run[]} */
const fails = (fault) => [{ jobs: 1, timeout: TIMEOUT, stage: { durations: [BRIEF], fault } }];

/**
 * Loses replies to the submit of a second job, and so on a connection that was used before, on which some
 * runtimes send a POST again by themselves.
 *
 * @type {(to: number) => Run[]}
 */
const loses = (to) => [
  {
    jobs: 2,
    timeout: TIMEOUT,
    stage: { durations: [0, BRIEF], fault: { on: "submit", how: "lose", from: 1, to } },
  },
];

/** The T8 runs: the same durations for every client. */
const durations = Array.from({ length: RUNS }, (_, run) => {
  const next = random(run + 1);
  return Array.from({ length: EARLIER + 1 }, () => Math.round(LONG * (1 + SPREAD * (2 * next() - 1))));
});

/** @type {Case[]} */
export const cases = [
  {
    key: "T1",
    title: "T1 one reply to a submit is lost: jobs billed",
    wanted: "1, outcome-unknown",
    alone: "warmed",
    runs: loses(2),
    measure: billed(1),
  },
  {
    key: "T1b",
    title: "T1b every reply to a submit is lost: jobs billed",
    wanted: "1, outcome-unknown",
    alone: "warmed",
    runs: loses(Number.POSITIVE_INFINITY),
    measure: billed(1),
  },
  {
    key: "T2",
    title: "T2 a submit is taken, the reply is 503: jobs billed",
    wanted: "1, outcome-unknown",
    runs: fails({ on: "submit", how: 503 }),
    measure: billed(0),
  },
  {
    key: "T2b",
    title: "T2b a submit is taken, the reply is 500: jobs billed",
    wanted: "1, outcome-unknown",
    runs: fails({ on: "submit", how: 500 }),
    measure: billed(0),
  },
  {
    key: "T3s",
    title: "T3 429 with Retry-After: 2 on a submit: sent again after",
    wanted: "2.0 to 2.5 s",
    runs: fails({ on: "submit", how: 429 }),
    measure: again("submit"),
  },
  {
    key: "T4s",
    title: "T4 the same on a poll",
    wanted: "2.0 to 2.5 s",
    runs: fails({ on: "poll", how: 429 }),
    measure: again("poll"),
  },
  {
    key: "T5",
    title: "T5 one 500 on a poll",
    wanted: "lives",
    runs: fails({ on: "poll", how: 500 }),
    measure: lives,
  },
  {
    key: "T6",
    title: "T6 one reset on a poll",
    wanted: "lives",
    runs: fails({ on: "poll", how: "reset" }),
    measure: lives,
  },
  {
    key: "T7",
    title: "T7 one HTML page on a poll",
    wanted: "lives",
    runs: fails({ on: "poll", how: "html" }),
    measure: lives,
  },
  {
    key: "T8",
    title: "T8 a job of 10 s: requests, lateness",
    wanted: "at most 6, at most 0.5 s",
    runs: durations.map((run) => ({
      jobs: run.length,
      timeout: TIMEOUT,
      stage: { durations: run },
    })),
    measure: polling,
  },
  {
    // Replicate's client asks for this at its defaults, and its service does so for up to 60 s.
    key: "T8held",
    title: "T8 where the reply to the submit is held until the job is done",
    wanted: "",
    only: "replicate",
    runs: durations.map((run) => ({
      jobs: 1,
      timeout: TIMEOUT,
      stage: { durations: run.slice(-1), holds: true },
    })),
    measure: polling,
  },
  {
    key: "T9ms",
    title: "T9 abort until settled",
    wanted: "under 5 ms, the signal's own reason",
    alone: "quiet",
    // At different moments between two looks.
    runs: Array.from({ length: RUNS }, (_, run) => ({
      jobs: 1,
      timeout: 15_000,
      abortAfter: 1_000 + 137 * run,
      stage: { durations: [ENDLESS] },
    })),
    measure: aborts,
  },
];

/**
 * Requests that cannot be sent, over real sockets: whether the error says that nothing was charged.
 *
 * @type {(Pick<Case, "key" | "title" | "wanted"> & { server: string })[]}
 */
export const unsent = [
  ["T10untrusted", "the certificate is not trusted", "unknown issuer"],
  ["T10expired", "the certificate has expired", "expired"],
  ["T10name", "the certificate is another host's", "another host's"],
  ["T10proxy", "the proxy refuses to connect", "a proxy"],
  ["T10port", "the port is blocked", "a blocked port"],
].map(([key = "", title = "", server = ""]) => ({
  key,
  title: `T10 ${title}: charged`,
  wanted: "no",
  server,
}));

/**
 * @param {import("../../tests/kit/runner.mjs").Outcome} outcome
 * @returns {Measured} what the error says about the money; `null` where it says nothing
 */
export function saysUnsent(outcome) {
  const { charged } = outcome;
  const [how = "resolves"] = ending(outcome);
  return { value: charged ?? null, cell: charged ?? `not said, ${how}`, holds: charged === "no" };
}

/**
 * How many jobs one call made, beside those that warmed the connection.
 *
 * @param {number} earlier
 * @returns {Case["measure"]}
 */
function billed(earlier) {
  return ([result]) => {
    const { ledger, outcome } = present(result);
    const value = ledger.jobs.length - earlier;
    const submit = ledger.requests.filter(({ kind }) => kind === "submit")[earlier];
    const cold = earlier > 0 && !submit?.reused;
    const holds = value === 1 && outcome.label === "outcome-unknown" && !outcome.unhandled && !cold;
    const notes = cold ? ["on a new connection"] : [];
    return { value, cell: [value, ...ending(outcome), ...notes].join(", "), holds };
  };
}

/**
 * How long after the refusal the request came again, in seconds; `null` where it never did.
 *
 * @param {"submit" | "poll"} kind
 * @returns {Case["measure"]}
 */
function again(kind) {
  return ([result]) => {
    const { ledger, outcome } = present(result);
    const [first, second] = ledger.requests.filter((request) => request.kind === kind);
    if (first === undefined || second === undefined) {
      return { value: null, cell: ["never", ...ending(outcome)].join(", "), holds: false };
    }
    const value = round((second.at - first.answeredAt) / 1000, 2);
    const inTime = value >= ASKED.least && value <= ASKED.most;
    return {
      value,
      cell: [`${value.toFixed(2)} s`, ...ending(outcome)].join(", "),
      holds: inTime && lived(present(result)),
    };
  };
}

/** @type {Case["measure"]} Whether the call brought the result of the job that it made. */
function lives([result]) {
  if (lived(present(result))) return { value: "lives", cell: "lives", holds: true };
  const value = ["lost", ...ending(present(result).outcome)].join(", ");
  return { value, cell: value, holds: false };
}

/** @type {Case["measure"]} Means over the runs. */
function polling(results) {
  const measured = results.filter(lived).map(({ ledger, outcome }) => {
    const job = /** @type {import("../../tests/kit/mock.mjs").Job} */ (ledger.jobs.at(-1));
    return { requests: job.requests, latenessMs: outcome.settledAt - job.doneAt };
  });
  if (measured.length < results.length) {
    const lost = results.length - measured.length;
    return { value: null, cell: `${lost} of ${results.length} lost`, holds: false };
  }
  const requests = round(mean(measured.map((job) => job.requests)), 1);
  const latenessMs = Math.round(mean(measured.map((job) => job.latenessMs)));
  return {
    value: { requests, latenessMs },
    cell: `${requests}, ${(latenessMs / 1000).toFixed(2)} s`,
    holds: requests <= 6 && latenessMs <= 500,
  };
}

/** @type {Case["measure"]} The median of the runs, and beside it the slowest; `null` where one never settled. */
function aborts(results) {
  const outcomes = results.map(({ outcome }) => outcome);
  const own = outcomes.every((outcome) => outcome.own);
  const how = own ? "own reason" : [...new Set(outcomes.map(leaving))].join(" or ");
  if (outcomes.some(({ end }) => end === "never")) return { value: null, cell: how, holds: false };
  const times = outcomes.map(({ sinceAbort }) => sinceAbort ?? Number.NaN).sort((a, b) => a - b);
  const value = round(times[Math.floor(times.length / 2)] ?? Number.NaN, 1);
  const cell = `${ms(value)} (slowest ${ms(round(times.at(-1) ?? Number.NaN, 1))}), ${how}`;
  return { value, cell, holds: value < 5 && own };
}

/** @param {number} time in milliseconds */
function ms(time) {
  return time < 1000 ? `${time} ms` : `${(time / 1000).toFixed(1)} s`;
}

/** @param {import("../../tests/kit/runner.mjs").Outcome} outcome */
function leaving({ end, own, url, label }) {
  if (end === "resolved") return `resolves to ${url ?? "nothing"}`;
  return end === "never" ? "never" : own ? "own reason" : String(label);
}

/**
 * How a call ended, where it did not end well.
 *
 * @param {import("../../tests/kit/runner.mjs").Outcome} outcome
 */
function ending({ end, label, unhandled }) {
  if (end === "resolved") return [];
  return [end === "never" ? "never settles" : label, ...(unhandled ? ["unhandled rejection"] : [])];
}

/** @param {Result} result */
function lived({ ledger, outcome }) {
  return outcome.end === "resolved" && outcome.url === ledger.jobs.at(-1)?.url;
}

/**
 * @param {Result | undefined} result
 * @returns {Result}
 */
function present(result) {
  if (result === undefined) throw new TypeError("a case without a run");
  return result;
}

/** @param {number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** @type {(value: number, digits: number) => number} */
const round = (value, digits) => Number(value.toFixed(digits));

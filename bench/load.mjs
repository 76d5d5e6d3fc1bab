// @ts-check
// What the gateway and the sandbox hold, and what becomes of the rest; see docs/load.md.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { build } from "../scripts/build.mjs";
import { script, step } from "../scripts/run.mjs";
import { percentile, startGenerator } from "./load/caller.mjs";

const KEY = "sk-0123456789abcdef0123456789abcdef";
const TOKEN_SECRET = "tokens are signed with this and nothing else";
const OWNER_TOKEN = "the owner's own token";
/** How many callers share the calls. */
const CALLERS = 20;
/**
 * @typedef {object} Server
 * @property {string} url
 * @property {string} upstream the sandbox, which has the books
 * @property {string[]} bearers
 * @property {number} accepted how many tasks it has accepted
 * @property {() => Promise<{ made: number, unknown: number }>} sent how many of them the service has made, and of how many it is
 *   not known, since no answer came
 */

/** For how long a server is made warm, in seconds, and how fast. */
const WARM = 2;
const WARM_RATE = 50;
/** For how long the gateway is sent twice what it can hold, in seconds. */
const BEYOND = 20;
/** The same for the sandbox, which takes 20 in 10 s. */
const SANDBOX_BEYOND = { rate: 10, seconds: 25 };
/** How long a queue is waited for at the most, in seconds: no longer than five minutes, says the rule. */
const DRAINED = 330;

await script(async () => {
  await build();
  // Only now: these come with the build.
  const { mintToken } = await import("../dist/node.js");
  const { startGateway } = await import("../scripts/gateway.mjs");
  const { started } = await import("./gateway/started.mjs");
  const { rising } = await import("./load/rising.mjs");

  const subs = Array.from({ length: CALLERS }, (_, nth) => `caller ${nth}`);
  const bearers = await Promise.all(subs.map((sub) => mintToken({ secret: TOKEN_SECRET, sub })));
  // In memory where the system has such a folder: a disk is not what stores Durable Objects at Cloudflare.
  const memory = "/dev/shm";
  const storage = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), "load-"));
  const generator = startGenerator();
  let orders = 0;

  /**
   * Sends an order, waits until all that was accepted has arrived, and compares the answers with the sandbox's books.
   *
   * @param {Server} server
   * @param {number} rate
   * @param {number} seconds
   */
  async function audited(server, rate, seconds) {
    orders += 1;
    const name = `order-${orders}`;
    const { url, upstream, bearers } = server;
    const answers = await generator.run({ url, bearers, rate, seconds, name });
    server.accepted += answers.accepted.length;
    let sent = await server.sent();
    for (let waited = 0; waited < DRAINED && sent.made + sent.unknown < server.accepted; waited += 1) {
      await setTimeout(1000);
      sent = await server.sent();
    }
    const { tasks } = /** @type {import("../dist/sandbox/types.js").Ledger} */ (
      await (await fetch(`${upstream}/sandbox/ledger`)).json()
    );
    const made = tasks.map(({ image }) => image).filter((image) => image.includes(`/${name}/`));
    const images = new Set(answers.accepted.map((nth) => `https://host.example/${name}/${nth}.jpg`));
    const once = new Set(made);
    return {
      answers,
      unknown: sent.unknown,
      lost: Math.max(0, [...images].filter((image) => !once.has(image)).length - sent.unknown),
      // Two tasks of one call are one too many as well.
      extra: made.length - [...once].filter((image) => images.has(image)).length,
    };
  }

  /**
   * A gateway that is new, so that it looks at no tasks of before.
   *
   * @template T
   * @param {string} limit CREATE_LIMIT
   * @param {(server: Server) => Promise<T>} use
   */
  async function withGateway(limit, use) {
    const upstream = await started("gateway/upstream.mjs", { KEY });
    const gateway = await startGateway({
      storage: await mkdtemp(join(storage, "gateway-")),
      settings: {
        KIE_API_KEY: KEY,
        BASE_URL: upstream.url,
        UPLOAD_BASE_URL: upstream.url,
        TOKEN_SECRET,
        OWNER_TOKEN,
        CREATE_LIMIT: limit,
        TASKS_PER_HOUR: "none",
      },
    });
    const headers = { authorization: `Bearer ${OWNER_TOKEN}` };
    try {
      return await use({
        url: gateway.url,
        upstream: upstream.url,
        bearers,
        accepted: 0,
        async sent() {
          const { codes } = await (await fetch(`${gateway.url}/counters`, { headers })).json();
          return { made: codes["200"] ?? 0, unknown: codes["0"] ?? 0 };
        },
      });
    } finally {
      await gateway.close();
      await upstream.close();
    }
  }

  /**
   * A sandbox that is new.
   *
   * @template T
   * @param {Record<string, string>} env
   * @param {(server: Server) => Promise<T>} use
   */
  async function withSandbox(env, use) {
    const upstream = await started("gateway/upstream.mjs", { KEY, ...env });
    const { url } = upstream;
    /** @type {Server} */
    const server = {
      url,
      upstream: url,
      bearers: [KEY],
      accepted: 0,
      sent: async () => ({ made: server.accepted, unknown: 0 }),
    };
    return use(server).finally(() => upstream.close());
  }

  /** @param {Server} server @param {number} rate @param {number} seconds */
  async function warmed(server, rate, seconds) {
    await audited(server, WARM_RATE, WARM);
    return audited(server, rate, seconds);
  }

  try {
    step("The gateway, with no limit of its own, under a rising load");
    const gateway = await rising(
      (rate, seconds) => withGateway("0", (server) => warmed(server, rate, seconds)),
      step,
    );

    step("The sandbox, with a clock so fast that nobody meets its limit, under a rising load");
    const sandbox = await rising(
      (rate, seconds) => withSandbox({}, (server) => warmed(server, rate, seconds)),
      step,
    );

    const [limit, rate] = [gateway.half.rate, gateway.full.rate * 2];
    step(
      `The gateway with CREATE_LIMIT=${limit}/1, sent ${rate} a second for ${BEYOND} s, until its queue is empty`,
    );
    const beyond = await withGateway(`${limit}/1`, async (server) => {
      const begun = performance.now();
      const audit = await audited(server, rate, BEYOND);
      return { ...audit, seconds: (performance.now() - begun) / 1000 };
    });

    step(`The sandbox with its own limit, sent ${SANDBOX_BEYOND.rate} a second`);
    const sandboxBeyond = await withSandbox({ FASTER: "1" }, (server) =>
      audited(server, SANDBOX_BEYOND.rate, SANDBOX_BEYOND.seconds),
    );

    report({ gateway, sandbox, limit, rate, beyond, sandboxBeyond });
  } finally {
    await generator.close();
    await rm(storage, { recursive: true });
  }
});

/** @typedef {Awaited<ReturnType<typeof import("./load/rising.mjs").rising>>} Rising */
/** @typedef {{ answers: import("./load/generator.mjs").Answers, unknown: number, lost: number, extra: number }} Audit */

/**
 * @param {{ gateway: Rising, sandbox: Rising, limit: number, rate: number, beyond: Audit & { seconds: number }, sandboxBeyond: Audit }} measured
 */
function report({ gateway, sandbox, limit, rate, beyond, sandboxBeyond }) {
  for (const [name, { steps, full, half }] of Object.entries({ gateway, sandbox })) {
    console.log(
      `\n| the ${name}: createTask in a second | answered in a second | p50, ms | p95, ms | p99, ms | |`,
    );
    console.log("| ---: | ---: | ---: | ---: | ---: | --- |");
    for (const step of steps) {
      const word =
        step === full ? "full load" : step === half ? "half load" : step.held ? "" : "not kept up with";
      const times = [step.p50, step.p95, step.p99].map((ms) => ms.toFixed(ms < 10 ? 1 : 0));
      console.log(`| ${step.rate} | ${step.answered.toFixed(0)} | ${times.join(" | ")} | ${word} |`);
    }
  }
  console.log("\n| beyond the limit | the gateway | the sandbox |\n| --- | ---: | ---: |");
  const both = [beyond, sandboxBeyond];
  /** @param {string} what @param {(audit: Audit) => string | number} of */
  const row = (what, of) => console.log(`| ${what} | ${both.map(of).join(" | ")} |`);
  console.log(`| limit, tasks in seconds | ${limit} in 1 | 20 in 10 |`);
  console.log(`| createTask in a second | ${rate} | ${SANDBOX_BEYOND.rate} |`);
  row("accepted", ({ answers }) => answers.accepted.length);
  row("refused with 429", ({ answers }) => answers.refused.length);
  row("of these with `Retry-After`", ({ answers }) => answers.refused.length - answers.withoutRetryAfter);
  row("answered otherwise, or not within a minute", ({ answers }) => answers.others);
  row("not sent, since 4,000 others waited for their answer", ({ answers }) => answers.unsent);
  row("accepted, and the service did not answer, so that its outcome is unknown", ({ unknown }) => unknown);
  row("accepted, and lost", ({ lost }) => lost);
  row("tasks at the service that were not accepted", ({ extra }) => extra);
  for (const part of [0.5, 0.99]) {
    row(`told that it is accepted, p${part * 100}, ms`, ({ answers }) =>
      percentile(answers.acceptedMs, part).toFixed(0),
    );
    row(`told that it is refused, p${part * 100}, ms`, ({ answers }) =>
      percentile(answers.refusedMs, part).toFixed(0),
    );
  }
  console.log(`\nThe gateway's queue was empty ${beyond.seconds.toFixed(0)} s after the first call.\n`);

  const steps = [...gateway.steps, ...sandbox.steps];
  const sum = (/** @type {"lost" | "extra"} */ what) =>
    [...steps, ...both].reduce((total, audit) => total + audit[what], 0);
  /** @param {Rising["full"]} step */
  const brief = ({ rate, p50, p95, p99 }) => ({
    rate,
    p50: Math.round(p50),
    p95: Math.round(p95),
    p99: Math.round(p99),
  });
  /** @param {Audit} audit */
  const counts = ({ answers, unknown }) => ({
    accepted: answers.accepted.length,
    refused: answers.refused.length,
    withoutRetryAfter: answers.withoutRetryAfter,
    others: answers.others,
    unsent: answers.unsent,
    unknown,
  });
  const figures = {
    gateway: {
      full: brief(gateway.full),
      half: brief(gateway.half),
      beyond: { limit, rate, ...counts(beyond) },
    },
    sandbox: { full: brief(sandbox.full), half: brief(sandbox.half), beyond: counts(sandboxBeyond) },
    lost: sum("lost"),
    extra: sum("extra"),
  };
  console.log(JSON.stringify(figures));
  const { refused, withoutRetryAfter, others } = figures.gateway.beyond;
  // The service's own refusals carry no Retry-After, so neither do the sandbox's.
  if (
    figures.lost + figures.extra + withoutRetryAfter + others + figures.sandbox.beyond.others > 0 ||
    refused === 0
  )
    process.exitCode = 1;
}

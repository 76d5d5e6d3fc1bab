// @ts-check
// What this client and its peers do when things go wrong, and how they wait; see docs/measured/behaviour.md.
import { readFile } from "node:fs/promises";
import { Failed, root, script, step } from "../scripts/run.mjs";
import { startClient } from "../tests/kit/client.mjs";
import { startMock } from "../tests/kit/mock.mjs";
import { browsers, pageFiles, startPage } from "../tests/kit/pages.mjs";
import { findRuntimes } from "../tests/kit/runtimes.mjs";
import { startHandshakes, TRUST, throughProxy } from "../tests/kit/tls.mjs";
import * as aiSdk from "./ai-sdk.mjs";
import { cases, saysUnsent, TIMEOUT, unsent } from "./behaviour/cases.mjs";
import { names, protocols } from "./peers/protocols.mjs";
import { printTable } from "./statistics.mjs";

/** The cases of lost replies, in which a runtime may send a POST again by itself. */
const lost = cases.filter(({ alone }) => alone === "warmed");

/** @typedef {import("./peers/protocols.mjs").Name} Name */
/** @typedef {import("./behaviour/cases.mjs").Case} Case */
/** @typedef {Pick<Case, "key" | "title" | "wanted">} Row of the table */
/** @typedef {import("./behaviour/cases.mjs").Measured} Measured */
/** @typedef {Awaited<ReturnType<typeof startClient>>} Client */
/** @typedef {Pick<Client, "name" | "order">} Runner a client, in whatever runtime */
/** @typedef {Awaited<ReturnType<typeof inRuntime>>} InRuntime */
/** @typedef {Awaited<ReturnType<typeof startMock>>} Mock */

/** A client's own process. */
const PEER = `${root}/bench/peers/process.mjs`;

/** The peers' packages. */
const PACKAGES = {
  fal: "@fal-ai/client",
  replicate: "replicate",
  runway: "@runwayml/sdk",
  wavespeed: "wavespeed",
};

await script(async () => {
  const runtimes = await findRuntimes();

  const files = await pageFiles();
  const mock = await startMock(files, protocols);
  const handshakes = await startHandshakes();
  /** @type {Client[]} */
  const clients = [];
  try {
    for (const name of names) clients.push(await startClient(name, PEER));
    step("One job each, so that no case measures how a client is loaded");
    await Promise.all(clients.map((client) => warm(mock, client)));
    const measured = await measure(mock, clients);
    step("Requests that cannot be sent");
    await measureUnsent(handshakes, measured);
    step("Ours in other runtimes");
    const elsewhere = await Promise.all(
      runtimes.map((runtime) => inRuntime(mock, { ...runtime, sure: true })),
    );
    step("Ours in pages");
    for (const browser of browsers) {
      const start = () => startPage(browser, mock.origin, files);
      elsewhere.push(await inRuntime(mock, { ...browser, start }));
    }
    if (mock.unrouted.length > 0) {
      throw new Failed(`The mock has no route for:\n${[...new Set(mock.unrouted)].join("\n")}`);
    }
    step("Models of the AI SDK, under its own retries");
    await reportAiSdk();
    await report(measured, elsewhere, clients);
  } finally {
    for (const client of clients) client.stop();
    handshakes.close();
    mock.close();
  }
});

/**
 * Has a client do one job, without which nothing that follows means anything.
 *
 * @param {Mock} mock
 * @param {Runner} client
 */
async function warm(mock, client) {
  const { base, jobs } = mock.stage(client.name, { durations: [0] });
  const { end, url, message } = await client.order({ base, jobs: 1, timeout: 20_000 });
  if (end !== "resolved" || url !== jobs[0]?.url) {
    throw new Failed(`${client.name} does not get an ordinary job done: ${message ?? end}`);
  }
}

/**
 * Runs every case with every client.
 *
 * @param {Mock} mock
 * @param {Client[]} clients
 */
async function measure(mock, clients) {
  /** @type {Map<Row, Map<string, Measured>>} */
  const measured = new Map(cases.map((one) => [one, new Map()]));
  const runs = { done: 0, all: 0 };
  const began = Date.now();
  const progress = setInterval(() => {
    step(`  ${runs.done} of ${runs.all} done after ${Math.round((Date.now() - began) / 1000)} s`);
  }, 10_000);

  const alone = (/** @type {Case["alone"]} */ how) => cases.filter((one) => one.alone === how);
  const [ours, ...peers] = clients;
  try {
    step("Lost replies, on warmed connections");
    for (const one of alone("warmed")) await play(clients, [one]);
    step("Other faults, and how they wait, all at once");
    await play(clients, alone(undefined));
    // Ours first and by itself, so that no other process takes milliseconds away.
    step("How they are aborted");
    await play(ours ? [ours] : [], alone("quiet"));
    await play(peers, alone("quiet"));
  } finally {
    clearInterval(progress);
  }
  return measured;

  /**
   * @param {Client[]} runners
   * @param {Case[]} which
   */
  async function play(runners, which) {
    await Promise.all(
      runners.flatMap((client) =>
        which
          .filter(({ only }) => only === undefined || only === client.name)
          .map(async (one) => {
            runs.all += one.runs.length;
            const ended = () => {
              runs.done += 1;
            };
            measured.get(one)?.set(client.name, await runCase(mock, client, one, ended));
          }),
      ),
    );
  }
}

/**
 * Runs one case with one client.
 *
 * @param {Mock} mock
 * @param {Runner} client
 * @param {Case} one
 * @param {() => void} [ended] called as each run has ended
 */
async function runCase(mock, client, one, ended = () => {}) {
  const results = await Promise.all(
    one.runs.map(async ({ stage, ...order }) => {
      const ledger = mock.stage(client.name, stage);
      const outcome = await client.order({ ...order, base: ledger.base });
      ended();
      return { ledger, outcome };
    }),
  );
  return one.measure(results);
}

/**
 * Has each client send a request that cannot leave, in a process that trusts the servers' authority and uses the proxy.
 *
 * @param {Awaited<ReturnType<typeof startHandshakes>>} handshakes
 * @param {Map<Row, Map<string, Measured>>} measured
 */
async function measureUnsent({ urls, proxy }, measured) {
  const env = { ...process.env, ...TRUST, ...throughProxy(proxy, "localhost") };
  /** @type {Record<string, string>} */
  const bases = { ...urls, "a proxy": "https://api.example" };
  for (const one of unsent) measured.set(one, new Map());
  await Promise.all(
    names.map(async (name) => {
      const client = await startClient(name, PEER, { env });
      try {
        for (const one of unsent) {
          const base = bases[one.server] ?? "";
          const outcome = await client.order({ base, jobs: 1, timeout: TIMEOUT });
          measured.get(one)?.set(name, saysUnsent(outcome));
        }
      } finally {
        client.stop();
      }
    }),
  );
}

/**
 * What becomes of lost replies in another runtime, straight to the API.
 *
 * @param {Mock} mock
 * @param {object} runtime
 * @param {string} runtime.name
 * @param {string} runtime.title
 * @param {boolean} [runtime.absent] whether it cannot be had on this machine
 * @param {boolean} [runtime.sure] whether it sends no POST again. Browsers do, so what they send is printed as it is,
 *   and nothing is required of it
 * @param {() => Promise<import("../tests/kit/runtimes.mjs").Started & { title?: string }>} runtime.start
 */
async function inRuntime(mock, { name, title, absent = false, sure = false, start }) {
  /** @type {Map<Case, Measured>} */
  const measured = new Map();
  const without = (/** @type {string} */ skipped) => ({ name, title, sure, measured, skipped });
  if (absent) return without("it does not run on this machine");
  let runner;
  try {
    runner = await start();
  } catch (error) {
    if (sure || !(error instanceof Failed)) throw error;
    return without(error.message);
  }
  try {
    await warm(mock, runner);
    for (const one of lost) measured.set(one, await runCase(mock, runner, one));
    return { name, title: runner.title ?? title, sure, measured, skipped: undefined };
  } finally {
    await runner.stop();
  }
}

/** What one call of the AI SDK bills. Ours is to be 1, always. */
async function reportAiSdk() {
  const { dependencies } = JSON.parse(await readFile(`${root}/bench/package.json`, "utf8"));
  const { models, cases, play } = aiSdk;
  const titles = models.map((name) =>
    name === "ours" ? name : `@ai-sdk/${name} ${dependencies[`@ai-sdk/${name}`]}`,
  );
  const rows = [[`generateImage of ai ${dependencies.ai}`, ...titles]];
  for (const one of cases) {
    const played = await Promise.all(models.map((model) => play(model, one)));
    const cells = played.map(({ billed, end }) => (end === "ok" ? String(billed) : `${billed}, ${end}`));
    rows.push([one.title, ...cells]);
    if (played[0]?.billed === 1) continue;
    console.log(`Does not hold: with the AI SDK, ${one.title} is ${cells[0]}, and is to be 1`);
    process.exitCode = 1;
  }
  printTable(rows);
}

/**
 * Prints the tables, the rows that do not hold, and the JSON as the last line.
 *
 * @param {Map<Row, Map<string, Measured>>} measured
 * @param {InRuntime[]} elsewhere
 * @param {Client[]} clients
 */
async function report(measured, elsewhere, clients) {
  const { dependencies } = JSON.parse(await readFile(`${root}/bench/package.json`, "utf8"));
  const titles = names.map((name) => (name === "ours" ? name : `${name} ${dependencies[PACKAGES[name]]}`));
  const rows = [...measured].map(([{ title, wanted }, cells]) => [
    title,
    ...names.map((name) => cells.get(name)?.cell ?? "–"),
    wanted,
  ]);
  const unhandled = clients.map((client) => String(client.unhandled.length));
  rows.push(["unhandled rejections in the run", ...unhandled, "0"]);
  printTable([["case", ...titles, "ours to be"], ...rows]);

  const places = elsewhere.map(({ title, measured: seen, sure, skipped }) => [
    title,
    ...lost.map((one) => seen.get(one)?.cell ?? `skipped: ${skipped?.split("\n", 1)}`),
    sure ? "1, outcome-unknown" : "as it is",
  ]);
  printTable([["ours, straight to the API", ...lost.map(({ title }) => title), "is to be"], ...places]);

  const broken = [...measured].flatMap(([{ title, wanted }, cells]) => {
    const ours = cells.get("ours");
    return ours === undefined || ours.holds ? [] : [`${title} is ${ours.cell}, and is to be ${wanted}`];
  });
  for (const { title, measured: seen, sure } of elsewhere) {
    if (!sure) continue;
    for (const [one, { cell, holds }] of seen) if (!holds) broken.push(`${one.title} is ${cell} in ${title}`);
  }
  const [ours] = clients;
  if (ours && ours.unhandled.length > 0) broken.push(`unhandled rejections: ${ours.unhandled.join(", ")}`);
  console.log();
  for (const row of broken) console.log(`Does not hold: ${row}`);
  if (broken.length > 0) process.exitCode = 1;

  const values = clients.map((client) => {
    const entries = [...measured].flatMap(([{ key }, cells]) => {
      const cell = cells.get(client.name);
      return cell === undefined ? [] : [[key, cell.value]];
    });
    return [client.name, { ...Object.fromEntries(entries), unhandled: client.unhandled.length }];
  });
  const { ours: own, ...peers } = Object.fromEntries(values);
  const counts = elsewhere.map(({ name, measured: seen, skipped }) => [
    name,
    { ...Object.fromEntries([...seen].map(([{ key }, { value }]) => [key, value])), skipped },
  ]);
  console.log(JSON.stringify({ ours: own, peers, runtimes: Object.fromEntries(counts) }));
}

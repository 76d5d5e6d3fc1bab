// @ts-check
// What ours and its peers do when things go wrong, and how they wait; see docs/behaviour.md.
import { readFile } from "node:fs/promises";
import { browser } from "../scripts/browser.mjs";
import { build, installPackages } from "../scripts/build.mjs";
import { Failed, root, script, step } from "../scripts/run.mjs";
import { cases } from "./cases.mjs";
import { pageFiles, startChromium } from "./chromium.mjs";
import { startClient } from "./client.mjs";
import { startMock } from "./mock.mjs";
import { names } from "./protocols.mjs";

/** @typedef {import("./protocols.mjs").Name} Name */
/** @typedef {import("./cases.mjs").Case} Case */
/** @typedef {import("./cases.mjs").Measured} Measured */
/** @typedef {Awaited<ReturnType<typeof startClient>>} Client */
/** @typedef {Pick<Client, "name" | "order">} Player a client, in whatever runtime */
/** @typedef {Awaited<ReturnType<typeof inChromium>>} Runtime */
/** @typedef {Awaited<ReturnType<typeof startMock>>} Mock */

/** The peers' packages. */
const PACKAGES = {
  fal: "@fal-ai/client",
  replicate: "replicate",
  runway: "@runwayml/sdk",
  wavespeed: "wavespeed",
};

await script(async () => {
  await build();
  step("The clients to compare with");
  await installPackages(`${root}/bench`);
  await browser();

  const mock = await startMock(await pageFiles());
  /** @type {Client[]} */
  const clients = [];
  try {
    for (const name of names) clients.push(await startClient(name));
    step("One job each, so that no case measures how a client is loaded");
    await Promise.all(clients.map((client) => warm(mock, client)));
    const measured = await measure(mock, clients);
    step("Ours in a page of Chromium");
    const runtimes = [await inChromium(mock)];
    if (mock.strays.length > 0) {
      throw new Failed(`The mock has no route for:\n${[...new Set(mock.strays)].join("\n")}`);
    }
    await report(measured, runtimes, clients);
  } finally {
    for (const client of clients) client.stop();
    mock.close();
  }
});

/**
 * Has a client do one job, without which nothing that follows means anything.
 *
 * @param {Mock} mock
 * @param {Player} client
 */
async function warm(mock, client) {
  const { base, jobs } = mock.stage(client.name, { durations: [0] });
  const { end, url, message } = await client.order({ base, jobs: 1, patience: 20_000 });
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
  /** @type {Map<Case, Map<Name, Measured>>} */
  const measured = new Map(cases.map((one) => [one, new Map()]));
  const lanes = { done: 0, all: 0 };
  const began = Date.now();
  const progress = setInterval(() => {
    step(`  ${lanes.done} of ${lanes.all} done after ${Math.round((Date.now() - began) / 1000)} s`);
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
   * @param {Client[]} players
   * @param {Case[]} which
   */
  async function play(players, which) {
    await Promise.all(
      players.flatMap((client) =>
        which
          .filter(({ only }) => only === undefined || only === client.name)
          .map(async (one) => {
            lanes.all += one.lanes.length;
            const ended = () => {
              lanes.done += 1;
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
 * @param {Player} client
 * @param {Case} one
 * @param {() => void} [ended] called as each lane has ended
 */
async function runCase(mock, client, one, ended = () => {}) {
  const results = await Promise.all(
    one.lanes.map(async ({ stage, ...order }) => {
      const books = mock.stage(client.name, stage);
      const outcome = await client.order({ ...order, base: books.base });
      ended();
      return { books, outcome };
    }),
  );
  return one.measure(results);
}

/**
 * What becomes of lost replies in a page straight to the API. Browsers send a POST again by themselves, so this
 * is printed as it is, and nothing is asked of it.
 *
 * @param {Mock} mock
 */
async function inChromium(mock) {
  const page = await startChromium(mock.origin);
  try {
    await warm(mock, page);
    /** @type {Map<Case, Measured>} */
    const measured = new Map();
    for (const one of cases.filter(({ alone }) => alone === "warmed")) {
      measured.set(one, await runCase(mock, page, one));
    }
    return { name: "chromium", title: page.title, measured };
  } finally {
    await page.stop();
  }
}

/**
 * Prints the tables, the rows that do not hold, and the JSON as the last line.
 *
 * @param {Map<Case, Map<Name, Measured>>} measured
 * @param {Runtime[]} runtimes
 * @param {Client[]} clients
 */
async function report(measured, runtimes, clients) {
  const { dependencies } = JSON.parse(await readFile(`${root}/bench/package.json`, "utf8"));
  const titles = names.map((name) => (name === "ours" ? name : `${name} ${dependencies[PACKAGES[name]]}`));
  const rows = [...measured].map(([{ title, wanted }, cells]) => [
    title,
    ...names.map((name) => cells.get(name)?.cell ?? "–"),
    wanted,
  ]);
  const unhandled = clients.map((client) => String(client.unhandled.length));
  rows.push(["unhandled rejections in the run", ...unhandled, "0"]);
  table([["case", ...titles, "ours to be"], ...rows]);

  for (const { title, measured: seen } of runtimes) {
    table([["ours, straight to the API", title], ...[...seen].map(([one, { cell }]) => [one.title, cell])]);
  }

  const broken = [...measured].flatMap(([{ title, wanted }, cells]) => {
    const ours = cells.get("ours");
    return ours === undefined || ours.holds ? [] : [`${title} is ${ours.cell}, and is to be ${wanted}`];
  });
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
  const pages = runtimes.map(({ name, measured: seen }) => [
    name,
    Object.fromEntries([...seen].map(([{ key }, { value }]) => [key, value])),
  ]);
  console.log(JSON.stringify({ ours: own, peers, runtimes: Object.fromEntries(pages) }));
}

/**
 * Prints a table that is also Markdown.
 *
 * @param {string[][]} rows the first one is the head
 */
function table(rows) {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (/** @type {string[]} */ row) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  console.log(["", line(head), rule, ...rows.slice(1).map(line)].join("\n"));
}

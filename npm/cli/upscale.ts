import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { isUpscaleError, Limiter, Upscaler } from "crisp-upscale";
import type { Args } from "./args.js";
import { Batch } from "./batch.js";
import { Failed, usage } from "./failed.js";
import { Gate } from "./gate.js";
import { gather, type Input, namesIn } from "./inputs.js";
import { jsonDisplay } from "./json.js";
import { plainDisplay } from "./plain.js";
import { type Item, plan } from "./plan.js";
import { type Display, Reporter } from "./report.js";
import { type Service, serviceOf } from "./service.js";
import { isFull, newRun, type Shared, State } from "./state.js";
import { creditsOf, images, printable } from "./text.js";
import { stateFolder } from "./where.js";

/** What an upscale costs at kie.ai, in credits, as its page says. */
const PRICE = 0.5;

/** What the process gives the command. */
export interface World {
  env: Record<string, string | undefined>;
  stdin: NodeJS.ReadableStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  /** Calls back at each signal that asks the process to end. */
  onInterrupt(listener: () => void): void;
}

/** Enlarges images. @returns The exit code. */
export async function upscale(args: Args, world: World): Promise<number> {
  const names = await namesOf(args, world);
  if (names.length === 0) {
    throw usage("Name the images: files, URLs, or folders with --recursive. See crisp-upscale --help.");
  }
  const service = await serviceOf(args, world.env);
  const gate = new Gate((request) => service.fetch(request), service.gateway);
  const limiter = service.gateway ? undefined : new Limiter();
  const shared: Shared = { service, limiter, fetch: gate.send, run: newRun() };
  const states = new Map<string, State>();
  try {
    return await run(args, world, names, service, gate, shared, states);
  } finally {
    for (const state of states.values()) await state.end();
    await service.close();
  }
}

async function run(
  args: Args,
  world: World,
  names: string[],
  service: Service,
  gate: Gate,
  shared: Shared,
  states: Map<string, State>,
): Promise<number> {
  const display = await displayOf(args, world);
  const reporter = new Reporter(display);
  const batch = new Batch(gate, reporter, {
    ...args,
    isGateway: service.gateway,
    isSandbox: service.sandbox,
  });
  world.onInterrupt(() => {
    if (batch.isInterrupted) return;
    batch.interrupt();
    display.note("Interrupted. Requests that are on their way are finished; once more ends it at once.");
  });

  const { inputs, results, others } = await gather(names, args);
  const stateOf = async (input: Input) => {
    const folder = args.state ?? stateFolder(input.out, service.sandbox);
    const key = resolve(folder);
    const known = states.get(key);
    if (known !== undefined) return known;
    const state = await State.open(key, shared);
    states.set(key, state);
    return state;
  };
  // Before anything is read or sent: a folder of another account is an error of the whole command.
  for (const input of inputs) await stateOf(input);

  if (results.length > 0) {
    display.note(
      `Left out: ${images(results.length)} that this command has made. Add --include-results to take them.`,
    );
  }
  if (others > 0) display.note(`Left out: ${others} files in folders that are no images.`);
  reporter.total(inputs.length);
  const items: Item[] = [];
  // One at a time: several files at once would be in memory, and more of them the more there are.
  for (const input of inputs) {
    if (batch.isInterrupted) break;
    const planned = await plan(input, await stateOf(input), args);
    if ("status" in planned) reporter.outcome(planned);
    else items.push(planned);
  }

  const orders = Math.min(items.filter(({ todo }) => todo === "order").length, args.max);
  if (args.dryRun) return dryRun(items, orders, args, service, reporter, display);
  await begin(items, states, service, display);
  await announce(items, orders, service, gate, display, batch);
  await batch.run(items);
  reporter.end();
  if (batch.isInterrupted) return 130;
  return reporter.left.some(({ isLeft }) => !isLeft) ? 1 : 0;
}

/** Says what would be done. */
function dryRun(
  items: Item[],
  orders: number,
  args: Args,
  service: Service,
  reporter: Reporter,
  display: Display,
): number {
  let left = args.max;
  for (const item of items) {
    const { input, todo, anew, then } = item;
    if (then !== undefined) reporter.outcome(then);
    else if (todo === "fetch") display.note(`would be fetched: ${printable(input.name)}`);
    else if (left-- > 0) display.note(`would be ordered${anew ? " anew" : ""}: ${printable(input.name)}`);
    else display.note(`would be left, by --max: ${printable(input.name)}`);
  }
  const cost = service.sandbox ? "which costs nothing" : `which costs ${creditsOf(orders * PRICE)} at most`;
  display.note(`Nothing was sent. ${images(orders)} would be ordered, ${cost}.`);
  return reporter.left.length > 0 ? 1 : 0;
}

/** Makes the state folders that are needed. */
async function begin(
  items: Item[],
  states: Map<string, State>,
  service: Service,
  display: Display,
): Promise<void> {
  const needed = new Set(items.map(({ state }) => state));
  for (const state of states.values()) {
    if (!needed.has(state)) continue;
    try {
      await state.begin();
    } catch (error) {
      if (error instanceof Failed) throw error;
      const reason = isFull(error) ? "the disk is full" : (error as Error).message;
      throw new Failed(`The state folder ${state.folder} cannot be written: ${reason}. Nothing was sent.`, 1);
    }
  }
  if (service.sandbox && needed.size > 0) {
    display.note(
      "The sandbox enlarges by plain resampling, which is not Recraft's model, and costs nothing.",
    );
  }
}

/** Says before anything is sent what it costs at most. */
async function announce(
  items: Item[],
  orders: number,
  service: Service,
  gate: Gate,
  display: Display,
  batch: Batch,
): Promise<void> {
  if (items.length === 0 || batch.isInterrupted) return;
  const fetched = items.length - items.filter(({ todo }) => todo === "order").length;
  const parts = [`${images(orders)} to be ordered`];
  if (fetched > 0) parts.push(`${fetched} to be fetched that ${fetched === 1 ? "is" : "are"} paid for`);
  let line = `${parts.join(", ")}.`;
  if (!service.sandbox && orders > 0) {
    line += ` It costs ${creditsOf(orders * PRICE)} at most`;
    const balance = await balanceOf(service, gate, batch);
    if (balance === undefined) line += ".";
    else {
      line += `; the account has ${creditsOf(balance)}.`;
      const enough = Math.floor(balance / PRICE);
      if (enough < orders) line += ` That is enough for ${enough}; the others will be listed as not sent.`;
    }
  }
  display.note(line);
  const unknown = items.filter(({ anew }) => anew === "unknown").length;
  if (unknown > 0 && !service.sandbox) {
    display.note(
      `${images(unknown)} of these may have been ordered before: ${creditsOf(unknown * PRICE)} may be charged a second time.`,
    );
  }
}

/** The account's credits, where it may be known. */
async function balanceOf(service: Service, gate: Gate, batch: Batch): Promise<number | undefined> {
  try {
    return await new Upscaler({ ...service.options, fetch: gate.send }).credits({ timeout: 10_000 });
  } catch (error) {
    // A gateway may not tell. A key that is wrong is so for everything.
    if (!service.gateway && isUpscaleError(error) && error.kind === "unauthorized") batch.stop(error.message);
    return undefined;
  }
}

async function namesOf(args: Args, { stdin }: World): Promise<string[]> {
  const names: string[] = [];
  for (const name of args.names) {
    if (name !== "-") names.push(name);
    else names.push(...namesIn(await text(stdin)));
  }
  return names;
}

async function displayOf({ json }: Args, { env, stdout, stderr }: World): Promise<Display> {
  const printTo = (stream: NodeJS.WriteStream) => (line: string) => void stream.write(`${line}\n`);
  if (json) return jsonDisplay(printTo(stdout), printTo(stderr));
  if (!stdout.isTTY || env.TERM === "dumb") return plainDisplay(printTo(stdout));
  const { terminalDisplay } = await import("./terminal.js");
  return terminalDisplay(stdout, !env.NO_COLOR);
}

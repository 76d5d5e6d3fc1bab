import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Limiter, type Store, Upscaler } from "crisp-upscale";
import { directoryStore } from "../directory-store.js";
import { codeOf, createFile, replaceFile } from "../whole-file.js";
import { checkAccount } from "./account.js";
import { type Holder, isAlive, thisHolder } from "./holder.js";
import { sha256 } from "./names.js";
import { type Latest, type Order, Orders, SOMEBODY } from "./orders.js";
import type { Service } from "./service.js";

/** What is known of an input: which image it was when it was last ordered, and what its result is called. */
export interface SourceRecord {
  source: string;
  /** The image: the SHA-256 of the file's content, or of the URL. */
  image: string;
  /** The result's name without its ending, relative to the result folder. */
  name: string;
  /** The result relative to the result folder, once it is written. */
  file?: string;
  /** The result of its earlier content, which goes when the new one is written. */
  replaces?: string;
}

/** Another process works on the image. */
export interface Elsewhere {
  elsewhere: Holder;
}

/** How often a run shows that it lives, and after how long without that it is taken for dead where it cannot be seen. */
const HEARTBEAT = 10_000;
const DEAD = 60_000;
/** After how long what it shows that by is removed, in milliseconds. */
const FORGOTTEN = 24 * 60 * 60 * 1000;
/** Room for the last steps when the disk is full, in bytes. */
const RESERVE = 1024 * 1024;
/** How often and with what pauses something is written again that finds no room, in milliseconds. */
const TRIES = 20;
const PAUSE = 100;

/** What a run of the command shares among its state folders. */
export interface Shared {
  service: Service;
  limiter: Limiter | undefined;
  fetch: (request: Request) => Promise<Response>;
  run: string;
}

/** A state folder: all that must not be forgotten of the results in one folder. */
export class State {
  readonly folder: string;
  /** The folder that it is in, which paths in it are relative to: they can be moved together. */
  readonly results: string;
  readonly upscaler: Upscaler;
  readonly #orders: Orders;
  readonly #shared: Shared;
  /** In each `idempotencyKey`: a gateway must not take orders of two state folders for one. */
  #salt = "";
  #holder: Promise<Holder> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;

  private constructor(folder: string, shared: Shared) {
    this.folder = folder;
    this.results = dirname(folder);
    this.#orders = new Orders(join(folder, "orders"));
    this.#shared = shared;
    const { options } = shared.service;
    this.upscaler = new Upscaler({
      ...options,
      ...(shared.limiter === undefined ? {} : { limiter: shared.limiter }),
      store: this.#store(),
      fetch: shared.fetch,
    });
  }

  get isSandbox(): boolean {
    return this.#shared.service.sandbox;
  }

  /** Opens a state folder. Until {@link begin}, nothing is written. */
  static async open(folder: string, shared: Shared): Promise<State> {
    await checkAccount(folder, shared.service, false);
    return new State(folder, shared);
  }

  /** Makes the folder this run's, as far as others leave it any image. */
  async begin(): Promise<void> {
    for (const part of ["sources", "names", "runs", "orders"]) {
      await mkdir(join(this.folder, part), { recursive: true, mode: 0o700 });
    }
    this.#salt = (await checkAccount(this.folder, this.#shared.service, true)) ?? "";
    await this.#reserve();
    await this.#forgetRuns();
    const beat = join(this.folder, "runs", this.#shared.run);
    await writeFile(beat, "", { mode: 0o600 });
    this.#beat = setInterval(() => {
      const now = new Date();
      // A run that cannot show that it lives only looks dead to other machines.
      utimes(beat, now, now).catch(() => {});
    }, HEARTBEAT);
    this.#beat.unref();
  }

  /** What this run alone needs is removed. */
  async end(): Promise<void> {
    clearInterval(this.#beat);
    await rm(join(this.folder, "runs", this.#shared.run), { force: true }).catch(() => {});
    await rm(this.#reservePath, { force: true }).catch(() => {});
  }

  /** The `idempotencyKey` of an image's order. */
  keyOf(image: string, number: number): string {
    return `${this.#salt}-${image}-${number}`;
  }

  latest(image: string): Promise<Latest | undefined> {
    return this.#orders.latest(image);
  }

  images(): Promise<string[]> {
    return this.#orders.images();
  }

  /** Takes an image, so that no other process works on it. */
  async hold(image: string): Promise<Held | Elsewhere> {
    this.#holder ??= thisHolder(this.#shared.run);
    const holder = await this.#holder;
    for (;;) {
      const latest = await this.latest(image);
      const other = latest?.order.holder;
      if (other !== undefined && other.run !== holder.run && (await this.#lives(other)))
        return { elsewhere: other };
      const order: Order = { state: "free", number: 1, ...latest?.order, at: Date.now(), holder };
      const step = (latest?.step ?? 0) + 1;
      if (!(await this.withRoom(() => this.#orders.append(image, step, order)))) continue;
      // How old it is says when it was left.
      return new Held(this, image, { order: { ...order, at: latest?.order.at ?? order.at }, step });
    }
  }

  /** @internal */
  append(image: string, step: number, order: Order): Promise<boolean> {
    return this.withRoom(() => this.#orders.append(image, step, order));
  }

  async source(source: string): Promise<SourceRecord | undefined> {
    try {
      return JSON.parse(await readFile(join(this.folder, "sources", `${sha256(source)}.json`), "utf8"));
    } catch (error) {
      if (codeOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async keepSource(record: SourceRecord): Promise<void> {
    const text = `${JSON.stringify(record)}\n`;
    await this.withRoom(() =>
      replaceFile(join(this.folder, "sources"), `${sha256(record.source)}.json`, text),
    );
  }

  /** Reserves the name of a result for a source; `false` where it is another one's. */
  async takeName(name: string, source: string): Promise<boolean> {
    // Some file systems do not tell upper from lower case.
    const file = `${sha256(name.normalize("NFC").toLowerCase())}.json`;
    const folder = join(this.folder, "names");
    const text = `${JSON.stringify({ name, source })}\n`;
    if (await this.withRoom(() => createFile(folder, file, text))) return true;
    try {
      return JSON.parse(await readFile(join(folder, file), "utf8")).source === source;
    } catch {
      return false;
    }
  }

  /** Whether a name is another source's. */
  async isTaken(name: string, source: string): Promise<boolean> {
    const file = `${sha256(name.normalize("NFC").toLowerCase())}.json`;
    try {
      return JSON.parse(await readFile(join(this.folder, "names", file), "utf8")).source !== source;
    } catch (error) {
      return codeOf(error) !== "ENOENT";
    }
  }

  /** Writes something small. Where the disk is full, room is made by giving up the reserve and what is half downloaded. */
  async withRoom<T>(write: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await write();
      } catch (error) {
        if (!isFull(error) || tries === TRIES) throw error;
        await rm(this.#reservePath, { force: true });
        if (tries > 1) await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }

  #store(): Store {
    const store = directoryStore(join(this.folder, "attempts"));
    return {
      ...store,
      // A new attempt may fail, and nothing is sent then. What became of an attempt must be written down.
      set: (name, text) => this.withRoom(async () => store.set(name, text)),
    };
  }

  async #lives(holder: Holder): Promise<boolean> {
    if (holder.run === SOMEBODY.run) return true;
    const alive = await isAlive(holder);
    if (alive !== undefined) return alive;
    try {
      const beat = await stat(join(this.folder, "runs", holder.run));
      const mine = await stat(join(this.folder, "runs", this.#shared.run));
      // Both times are of the same clock, which may not be this machine's.
      return mine.mtimeMs - beat.mtimeMs < DEAD;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return false;
      throw error;
    }
  }

  /** Removes what killed runs have left to show that they live. */
  async #forgetRuns(): Promise<void> {
    const folder = join(this.folder, "runs");
    for (const run of await readdir(folder)) {
      const age = Date.now() - (await stat(join(folder, run)).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
      if (age > FORGOTTEN) await rm(join(folder, run), { force: true });
    }
  }

  get #reservePath(): string {
    return join(this.folder, "reserve");
  }

  async #reserve(): Promise<void> {
    const whole = await stat(this.#reservePath).catch(() => undefined);
    if (whole?.size === RESERVE) return;
    try {
      await writeFile(this.#reservePath, Buffer.alloc(RESERVE, 1), { mode: 0o600 });
    } catch (error) {
      await rm(this.#reservePath, { force: true });
      if (!isFull(error)) throw error;
    }
  }
}

/** Whether there is no room on the disk. */
export function isFull(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (["ENOSPC", "EDQUOT"].includes(codeOf(cause))) return true;
  }
  return false;
}

/** Another process has taken the image, since it held this one for dead. */
export class LostHold extends Error {}

/** An image that this process holds. */
export class Held {
  readonly image: string;
  readonly #state: State;
  #latest: Latest;

  constructor(state: State, image: string, latest: Latest) {
    this.#state = state;
    this.image = image;
    this.#latest = latest;
  }

  get order(): Order {
    return this.#latest.order;
  }

  /** Whether no run has worked on it before. */
  get isNew(): boolean {
    return this.#latest.step === 1;
  }

  /** The `idempotencyKey` of its order. */
  get key(): string {
    return this.#state.keyOf(this.image, this.order.number);
  }

  /** Writes down the next step. `holder: undefined` lets the image go. */
  async step(change: Partial<Order>): Promise<void> {
    const order: Order = { ...this.order, ...change, at: Date.now() };
    const step = this.#latest.step + 1;
    if (!(await this.#state.append(this.image, step, order))) throw new LostHold();
    this.#latest = { order, step };
  }
}

/** A name for this run. */
export function newRun(): string {
  return randomUUID();
}

import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, createFile } from "../whole-file.js";
import type { Holder } from "./holder.js";

/** What is known of the order for one image. `docs/guide/command-line.md` describes each. */
export type OrderState = "free" | "sending" | "made" | "done" | "failed" | "unknown" | "gone";

/** One step in the life of an order. */
export interface Order {
  state: OrderState;
  /** Rises each time the image is ordered anew. With the image's digest it is the `idempotencyKey`. */
  number: number;
  /** When this was written, in Unix milliseconds. */
  at: number;
  /** Who works on it; nobody where it is missing. */
  holder?: Holder | undefined;
  /** The task, once it is known. */
  taskId?: string | undefined;
  /** When the task was made, in Unix milliseconds. */
  createdAt?: number | undefined;
  /** What it cost, in credits, where the service says. */
  credits?: number | null | undefined;
  /** Why it has failed, is unknown or gone. */
  reason?: string | undefined;
  /** A result that was written: its path from the result folder, and the SHA-256 of its content. */
  file?: string | undefined;
  sha256?: string | undefined;
}

/** The last step of an order, and its place among the steps. */
export interface Latest {
  order: Order;
  step: number;
}

/** How long a step may be empty while it is being written, where there are no hard links; in milliseconds. */
const WRITING = 10_000;

/**
 * The orders in a state folder. Each has a folder of its own, and each step in its life is a file there: `1.json`,
 * `2.json` and so on. The last one counts. A step is created only if there is none of its number, so of two processes
 * that go on from the same step, one wins.
 */
export class Orders {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The last step of an image's order; `undefined` where it was never begun. */
  async latest(image: string): Promise<Latest | undefined> {
    const folder = join(this.#folder, image);
    let names: string[];
    try {
      names = await readdir(folder);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
    const step = Math.max(0, ...names.map((name) => Number(/^(\d+)\.json$/.exec(name)?.[1] ?? 0)));
    if (step === 0) return undefined;
    const order = (await read(join(folder, `${step}.json`))) ?? (await this.#cutOff(folder, step));
    return { order, step };
  }

  /** What is known of an order whose last step a crash has cut off, or which is being written at this moment. */
  async #cutOff(folder: string, step: number): Promise<Order> {
    const before = step > 1 ? await read(join(folder, `${step - 1}.json`)) : undefined;
    const at = (await stat(join(folder, `${step}.json`))).mtimeMs;
    const holder = Date.now() - at < WRITING ? { holder: SOMEBODY } : {};
    const reason = "Its entry in the state folder is cut off.";
    return { state: "unknown", number: (before?.number ?? 0) + 1, at, reason, ...holder };
  }

  /** Adds the next step; `false` where another process was faster. */
  async append(image: string, step: number, order: Order): Promise<boolean> {
    const folder = join(this.#folder, image);
    if (step === 1) await mkdir(folder, { recursive: true, mode: 0o700 });
    return createFile(folder, `${step}.json`, `${JSON.stringify(order)}\n`);
  }

  /** The images that were begun. */
  async images(): Promise<string[]> {
    try {
      return await readdir(this.#folder);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    }
  }
}

/** The order in a file; `undefined` where it is cut off. */
async function read(path: string): Promise<Order | undefined> {
  try {
    const order: Order = JSON.parse(await readFile(path, "utf8"));
    return typeof order.state === "string" && typeof order.number === "number" ? order : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** The process that is writing a step. It is taken for alive. */
export const SOMEBODY: Holder = { run: "", pid: 0, started: null, host: "", boot: null, container: null };

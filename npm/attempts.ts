import { putIfAbsent, replaceIfUnchanged, type Store } from "./store.js";
import type { Wasm } from "./wasm.js";

const PREFIX = "crisp-upscale/";

/** A job that was begun and has not been seen to end. Plain data. */
export type Pending = Begun<string> | Begun<null>;

/** A job that was begun, with a task or without. */
export interface Begun<Task> {
  /** The name under which it is kept: its `idempotencyKey`, or one of this package's own. */
  attempt: string;
  /** The image: its URL, or a digest of the file. */
  image: string;
  /**
   * The task; `null` where it is not known whether one was made: `resume` asks a gateway. Without one, look at the
   * account.
   */
  taskId: Task;
  /** When it was begun, in Unix milliseconds on the machine's clock. */
  createdAt: number;
}

/** What is kept: also for a while after the end, where an `idempotencyKey` may come again. */
export interface Kept extends Begun<string | null> {
  hasKey: boolean;
  ended: boolean;
  /** The base URL of the gateway that its createTask is sent to. */
  server?: string;
  /** No createTask of it leaves later, in Unix milliseconds; of an attempt that a gateway is sent. */
  sendsUntil?: number;
  /** The entry as it is in the store, where it is from there. */
  text?: string;
  /** Whether the entry cannot be read. It was cut off, so nobody knows what became of the attempt. */
  unreadable?: boolean;
}

/** How often an expired entry is tried to be replaced that another process is replacing or removing. */
const MAX_REPLACES = 50;
/** Between two such tries, in milliseconds. */
const REPLACE_PAUSE = 10;

/** The jobs under way, as they are kept in a store. */
export class Attempts {
  readonly #store: Store;
  #tidying: Promise<void> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * What an earlier call with this key began. An entry that cannot be read is one whose outcome is unknown.
   *
   * @param image What the key is used for now, which an unreadable entry is taken to be for.
   */
  async find(key: string, wasm: Wasm, image: string): Promise<Kept | undefined> {
    const kept = await this.get(key);
    if (kept === undefined || isOver(kept, wasm)) return undefined;
    return kept.unreadable ? { ...kept, image } : kept;
  }

  /** The entry of an attempt. */
  get(attempt: string): Promise<Kept | undefined> {
    return this.#read(PREFIX + attempt);
  }

  /**
   * Keeps a job that is about to be sent. From here on a crash leaves an entry whose outcome is unknown.
   *
   * @param server The base URL of the gateway that it is sent to.
   * @returns The entry, and whether it is a new one: with a key there may be one already, which may have a task.
   */
  async begin(
    image: string,
    key: string | undefined,
    wasm: Wasm,
    server: string | undefined,
  ): Promise<{ pending: Kept; isNew: boolean }> {
    // All wait for the same one, so that nobody overtakes the first.
    this.#tidying ??= this.#tidy(wasm);
    await this.#tidying;
    const hasKey = key !== undefined;
    const attempt = key ?? wasm.attemptId();
    const fresh: Kept = { attempt, image, taskId: null, createdAt: Date.now(), hasKey, ended: false };
    if (server !== undefined) Object.assign(fresh, { server, sendsUntil: wasm.sendsUntil(0) });
    if (!hasKey) {
      await this.#keep(fresh);
      return { pending: fresh, isNew: true };
    }
    for (let tries = 0; tries < MAX_REPLACES; tries += 1) {
      if (await this.#claim(fresh)) return { pending: fresh, isNew: true };
      const kept = await this.find(key, wasm, image);
      if (kept !== undefined) return { pending: kept, isNew: false };
      if (await this.#replace(PREFIX + key, wasm, fresh)) return { pending: fresh, isNew: true };
      await new Promise((resolve) => setTimeout(resolve, REPLACE_PAUSE));
    }
    return { pending: fresh, isNew: false };
  }

  /**
   * Replaces an entry whose time is over, or removes it; of several processes that find it so, only one does.
   *
   * @returns Whether this one did.
   */
  async #replace(name: string, wasm: Wasm, fresh?: Kept): Promise<boolean> {
    const kept = await this.#read(name);
    if (kept?.text === undefined || !isOver(kept, wasm)) return false;
    return replaceIfUnchanged(this.#store, name, kept.text, fresh && JSON.stringify(fresh));
  }

  /**
   * A createTask is about to leave. Where it leaves later than the entry says, that says so first: what is said never to
   * have arrived must not leave afterwards.
   */
  sending(pending: Kept, { sendsUntil }: Wasm): Promise<void> | undefined {
    const until = pending.sendsUntil === undefined ? undefined : sendsUntil(pending.sendsUntil);
    return until === undefined ? undefined : this.#renew(pending, until);
  }

  async #renew(pending: Kept, sendsUntil: number): Promise<void> {
    // Another tab may have recovered it.
    const kept = await this.get(pending.attempt);
    await this.#keep({ ...pending, ...kept, sendsUntil });
    pending.sendsUntil = sendsUntil;
  }

  /** Forgets an entry of which nothing was made, unless another tab has put a new one in its place. */
  async forgetUnmade({ attempt, createdAt }: Kept): Promise<void> {
    const kept = await this.get(attempt);
    if (kept?.createdAt === createdAt && kept.taskId === null) await this.forget(attempt);
  }

  /** The task was made. */
  async made(attempt: string, taskId: string): Promise<void> {
    const kept = await this.#read(PREFIX + attempt);
    if (kept !== undefined && !kept.unreadable) await this.#keep({ ...kept, taskId });
  }

  /** The task has ended. With a key it is remembered, so that the same call again gives the same task. */
  async ended(attempt: string): Promise<void> {
    const kept = await this.#read(PREFIX + attempt);
    if (kept?.unreadable) return;
    if (kept?.hasKey) await this.#keep({ ...kept, ended: true });
    else await this.forget(attempt);
  }

  /** Whether a job has this task, and has not been seen to end or has a key under which it may come again. */
  async hasTask(taskId: string): Promise<boolean> {
    return (await this.#all()).some((kept) => kept.taskId === taskId);
  }

  /** The task has ended, whichever job has it. */
  async endedTask(taskId: string): Promise<void> {
    for (const kept of await this.#all()) if (kept.taskId === taskId) await this.ended(kept.attempt);
  }

  /** Nothing was made, or there is nothing more to be had. */
  async forget(attempt: string): Promise<void> {
    await this.#store.delete(PREFIX + attempt);
  }

  /** All that have not been seen to end, the oldest first. */
  async list(): Promise<Pending[]> {
    const kept = await this.#all();
    return kept
      .filter(({ ended }) => !ended)
      .map(({ attempt, image, taskId, createdAt }) => ({ attempt, image, taskId, createdAt }) as Pending)
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  #claim(fresh: Kept): Promise<boolean> {
    return putIfAbsent(this.#store, PREFIX + fresh.attempt, JSON.stringify(fresh));
  }

  async #keep({ text: _, ...kept }: Kept): Promise<void> {
    await this.#store.set(PREFIX + kept.attempt, JSON.stringify(kept));
  }

  async #all(): Promise<Kept[]> {
    const names = [...(await this.#store.keys())].filter((name) => name.startsWith(PREFIX));
    const all = await Promise.all(names.map((name) => this.#read(name)));
    return all.filter((kept) => kept !== undefined);
  }

  async #read(name: string): Promise<Kept | undefined> {
    const text = await this.#store.get(name);
    if (text == null) return undefined;
    try {
      const kept: unknown = JSON.parse(text);
      if (isKept(kept)) return { ...kept, text };
    } catch {
      // It was cut off.
    }
    const attempt = name.slice(PREFIX.length);
    return { attempt, image: "", taskId: null, createdAt: 0, hasKey: true, ended: false, unreadable: true };
  }

  /** Keys whose time is over are forgotten once in an Upscaler's life, since nobody may ask for them again. */
  async #tidy(wasm: Wasm): Promise<void> {
    try {
      for (const kept of await this.#all()) {
        if (kept.ended && isOver(kept, wasm)) await this.#replace(PREFIX + kept.attempt, wasm);
      }
    } catch (error) {
      this.#tidying = undefined;
      throw error;
    }
  }
}

/** Whether its key may be used anew. Of an unreadable entry nobody knows. */
function isOver({ unreadable, createdAt }: Kept, { hasExpired }: Wasm): boolean {
  return !unreadable && hasExpired(createdAt);
}

function isKept(value: unknown): value is Kept {
  const kept = value as Partial<Kept> | null;
  return (
    typeof kept?.attempt === "string" && typeof kept.image === "string" && typeof kept.createdAt === "number"
  );
}

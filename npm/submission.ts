import { Attempts, type Kept } from "./attempts.js";
import type { Backend } from "./backend.js";
import { NOTHING_SENT, UpscaleError } from "./errors.js";
import type { Order } from "./order.js";
import type { Store } from "./store.js";
import type { Ticket } from "./types.js";
import { early } from "./updates.js";
import type { Wasm } from "./wasm.js";
import { type Limits, settleStore, within } from "./within.js";

const MODEL = "recraft/crisp-upscale";

/** An `idempotencyKey`, and what tells the image that it is for from another. */
interface Keyed {
  key: string;
  image: string;
  /** The key as a header carries it. */
  header: string;
}

/** A task, and whether it was created for this order; `written`: when the store has it. */
export interface Submitted {
  ticket: Ticket;
  isNew: boolean;
  written?: Promise<void>;
}

/** Creates tasks, each with an entry in the store from before it is sent to after it has ended. */
export class Submissions {
  readonly #backend: Backend;
  readonly attempts: Attempts;
  /** Calls with an `idempotencyKey` whose task is being created. */
  readonly #inFlight = new Map<string, { image: string; submitted: Promise<Submitted> }>();
  /** What the store still does for calls with an `idempotencyKey` that have ended before they sent anything. */
  readonly #abandoned = new Map<string, Promise<unknown>>();

  constructor(backend: Backend, store: Store) {
    this.#backend = backend;
    this.attempts = new Attempts(store);
  }

  /** Creates a task for the order, once; or finds the one that an earlier call with its `idempotencyKey` created. */
  async submit(order: Order): Promise<Submitted> {
    const { key, limits } = order;
    if (key === undefined) return this.#create(order, undefined);

    const keyed = await this.#keyed(order, key);
    for (;;) {
      // What a slow store still writes for an earlier call would be taken for this one's.
      await within(limits, () => this.#abandoned.get(key));
      const other = this.#inFlight.get(key);
      if (other === undefined) break;
      const wasm = await this.#backend.wasm(limits);
      this.#backend.unwrap(wasm.checkRepeat(keyed.image, other.image, true));
      const submitted = await this.#join(limits, other.submitted);
      if (submitted !== undefined) return submitted;
    }
    const submitted = this.#create(order, keyed);
    this.#inFlight.set(key, { image: keyed.image, submitted });
    return submitted.finally(() => this.#inFlight.delete(key));
  }

  /** Writes or reads the store before anything is sent. */
  stored<T>(limits: Limits, work: () => Promise<T>): Promise<T> {
    return within(limits, () => this.#withStore(work));
  }

  async #keyed({ image, limits }: Order, key: string): Promise<Keyed> {
    const wasm = await this.#backend.wasm(limits);
    const header = this.#backend.unwrap(wasm.keyHeader(key));
    if (typeof image === "string") return { key, image, header };
    const fingerprint = await this.#backend.call(limits, (wasm, settings, context) =>
      wasm.fingerprint(settings, context, image),
    );
    return { key, image: fingerprint, header };
  }

  /** Another call's task; `undefined` where that call ended for a reason of its own, before anything was sent. */
  async #join(limits: Limits, other: Promise<Submitted>): Promise<Submitted | undefined> {
    try {
      return await within(limits, () => other);
    } catch (error) {
      if (limits.signal?.aborted) throw limits.signal.reason;
      const isOurs = performance.now() >= limits.began + limits.timeout;
      const isTheirs =
        !(error instanceof UpscaleError) || (error.kind === "timeout" && error.charged === "no");
      if (isTheirs && !isOurs) return undefined;
      throw error;
    }
  }

  async #create(order: Order, keyed: Keyed | undefined): Promise<Submitted> {
    const { callBackUrl, limits } = order;
    const wasm = await this.#backend.wasm(limits);
    if (keyed !== undefined) {
      const kept = await this.stored(limits, () => this.attempts.find(keyed.key, wasm, keyed.image));
      const continued = kept && (await this.#continue(kept, keyed, limits));
      if (continued !== undefined) return continued;
    }
    const url = await this.#reachable(order);
    const { pending, isNew } = await this.#begin(limits, keyed?.image ?? url, keyed?.key);
    // Another tab was faster. Where nothing came of that, it begins anew.
    if (!isNew && keyed !== undefined) {
      return (await this.#continue(pending, keyed, limits)) ?? this.#create(order, keyed);
    }

    const { attempt } = pending;
    const idempotencyKey = this.#backend.gateway !== undefined ? (keyed?.header ?? attempt) : undefined;
    const settings = { ...this.#backend.settings, fetch: this.#renewing(pending, wasm) };
    const outcome = await wasm.createTask(settings, { ...limits, idempotencyKey }, MODEL, url, callBackUrl);
    if (!("ok" in outcome)) {
      const { charged } = "failure" in outcome ? outcome.failure : outcome;
      // An abort settles at once, and does not wait for the store.
      if (charged === "no") await settleStore(() => this.attempts.forget(attempt), limits);
    }
    const taskId = this.#backend.unwrap(outcome);
    // Neither an abort nor a time-out ends the call from here on: the job carries the task's id, and meets them itself.
    const written = this.attempts.made(attempt, taskId);
    await settleStore(() => written, limits);
    return { ticket: { taskId, createdAt: Date.now(), attempt }, isNew: true, written };
  }

  /** Writes the entry of an attempt. Where the call ends first, nothing was sent, and the entry does not stay. */
  async #begin(limits: Limits, image: string, key: string | undefined) {
    const wasm = await this.#backend.wasm(limits);
    const begun = this.#withStore(() => this.attempts.begin(image, key, wasm, this.#backend.gateway));
    try {
      return await within(limits, () => begun);
    } catch (error) {
      const undone = begun
        .then(({ pending, isNew }) => (isNew ? this.attempts.forget(pending.attempt) : undefined))
        // The call has failed with the store's error already.
        .catch(() => {});
      if (key !== undefined) {
        this.#abandoned.set(key, undone);
        void undone.then(() => this.#abandoned.delete(key));
      }
      throw error;
    }
  }

  /** The `fetch` of a createTask, which first says in the store that it leaves, where the entry does not allow it yet. */
  #renewing(pending: Kept, wasm: Wasm): (request: Request) => Promise<Response> {
    const { fetch } = this.#backend.settings;
    return (request) => {
      const renewed = this.attempts.sending(pending, wasm);
      if (renewed === undefined) return fetch(request);
      return renewed.then(() => {
        request.signal.throwIfAborted();
        return fetch(request);
      });
    };
  }

  /** Continues what an earlier call with the same `idempotencyKey` began; `undefined` where nothing came of that. */
  async #continue(kept: Kept, keyed: Keyed, limits: Limits): Promise<Submitted | undefined> {
    const { attempt, image, createdAt } = kept;
    const wasm = await this.#backend.wasm(limits);
    const isKnown = kept.taskId !== null || this.#backend.gateway !== undefined;
    this.#backend.unwrap(wasm.checkRepeat(keyed.image, image, isKnown));
    const taskId = kept.taskId ?? (await this.#recover(kept, limits));
    return taskId === undefined ? undefined : { ticket: { taskId, createdAt, attempt }, isNew: false };
  }

  /**
   * Asks the gateway which task an attempt made, and keeps that. Makes nothing.
   *
   * @param kept Its entry, or as much of it as there is in another store.
   * @returns Its task; `undefined` where none was made. The entry is forgotten then.
   */
  async #recover(kept: Kept, limits: Limits): Promise<string | undefined> {
    const { attempt, createdAt, sendsUntil, server } = kept;
    const taskId = await this.#backend.call(limits, (wasm, settings, context) =>
      wasm.recover(settings, context, attempt, createdAt, sendsUntil, server),
    );
    if (taskId === undefined) await this.stored(limits, () => this.attempts.forgetUnmade(kept));
    else await settleStore(() => this.attempts.made(attempt, taskId), limits);
    return taskId;
  }

  /**
   * The task of an attempt whose ticket has none, by asking the gateway.
   *
   * @throws {@link UpscaleError} where there is none, or nobody can say.
   */
  async taskOf(attempt: string, createdAt: number, limits: Limits): Promise<string> {
    const kept = await this.stored(limits, () => this.attempts.get(attempt));
    const known = kept ?? { attempt, createdAt, image: "", taskId: null, hasKey: false, ended: false };
    const taskId = known.taskId ?? (await this.#recover(known, limits));
    if (taskId !== undefined) return taskId;
    const message = "The request never arrived at the gateway, so no task was made. Upscale the image again.";
    throw new UpscaleError({ ...NOTHING_SENT, kind: "unreachable", message, retryable: false }, undefined);
  }

  /** The image's URL, once it is checked as far as was asked for. */
  async #reachable({ image, preflight, limits, listener }: Order): Promise<string> {
    const context = { ...limits, onUpdate: early(listener) };
    if (typeof image !== "string") {
      return this.#backend.call(context, (wasm, settings, context) => wasm.upload(settings, context, image));
    }
    if (preflight) {
      await this.#backend.call(context, (wasm, settings, context) =>
        wasm.preflight(settings, context, image),
      );
    }
    return image;
  }

  /** What the store does; its failure as an error of this package. */
  async #withStore<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const message = "The store failed, so nothing was sent. Check that it can be read and has room.";
      throw new UpscaleError({ ...NOTHING_SENT, kind: "store-failed", message, retryable: true }, cause);
    }
  }
}

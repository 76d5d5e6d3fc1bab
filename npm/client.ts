import { type UpscaleAllOptions, type Upscaled, upscaleAll } from "./all.js";
import { Attempts, attemptId, type Kept, type Pending } from "./attempts.js";
import { type Failure, invalid, NOTHING_SENT, UpscaleError } from "./error.js";
import { Events } from "./events.js";
import { callFetch } from "./fetch.js";
import { Job } from "./job.js";
import { Limiter } from "./limiter.js";
import {
  callOptions,
  fileOf,
  keyOf,
  listenerOf,
  members,
  reading,
  taskIdOf,
  textOf,
  ticketOf,
} from "./options.js";
import { forRuntime, globalFetch, inPage, isPrerenderError } from "./runtime.js";
import { listen } from "./signal.js";
import type { Store } from "./store.js";
import { keptToken } from "./token.js";
import type {
  CallOptions,
  CreateTaskRequest,
  EarlyUpdate,
  ImageFile,
  ImageSource,
  SubmitOptions,
  TaskDetail,
  Ticket,
  Update,
  UpscaleOptions,
  UpscaleResult,
  UpscalerOptions,
} from "./types.js";
import type { Load, Wasm } from "./wasm.js";
import { type Limits, settleStore, within } from "./within.js";

const MODEL = "recraft/crisp-upscale";

const NEVER_ARRIVED =
  "The request never arrived at the gateway, so no task was made. Upscale the image again.";

/** What a call from here to the WebAssembly may say. */
interface Run extends Limits {
  /** The `Idempotency-Key` of its createTask. */
  attempt?: string;
}

/** An order for one task, as the caller gave it, checked as far as it can be without the WebAssembly. */
interface Order {
  image: string | Blob;
  callBackUrl: string | undefined;
  preflight: boolean;
  key: string | undefined;
  listener: ((update: EarlyUpdate | Update) => void) | undefined;
  run: Run;
  /** Whether the time-out of the call is that of the job, too. */
  waits: boolean;
}

/** What an `Upscaler` can do. Each runtime's `Upscaler` is this, with a way to load the WebAssembly. */
export class Client {
  readonly #load: Load;
  readonly #store: Store;
  readonly #attempts: Attempts;
  /** Calls with an `idempotencyKey` whose task is being made. */
  readonly #underWay = new Map<string, { image: string; job: Promise<Job> }>();
  /** What the store still does for calls with an `idempotencyKey` that have ended before they sent anything. */
  readonly #abandoned = new Map<string, Promise<unknown>>();
  /** Whether a gateway is asked, which has a queue and knows an attempt by its key. */
  readonly #gateway: boolean;
  /** Which gateway. */
  readonly #server: string | undefined;
  readonly #settings: {
    readonly baseUrl: string | undefined;
    readonly uploadBaseUrl: string | undefined;
    readonly bearer: string | ((refused?: string) => Promise<string>);
    readonly limiter: Limiter | undefined;
    readonly fetch: (request: Request) => Promise<Response>;
    readonly isPrerenderError: (error: unknown) => boolean;
    /** How long the last tasks took, which says when to look at the next; filled by the WebAssembly. */
    readonly durations: number[];
    /** What the server pushes, where it does. */
    readonly events: Events;
    readonly listen: typeof listen;
    readonly fail: Fail;
  };

  /** @internal `queues`: whether one call may wait for another, as they do in a limiter */
  constructor(options: UpscalerOptions, load: Load, queues = true) {
    const given = upscalerOptions(options);
    const { apiKey, token, send } = given;
    this.#load = load;
    this.#store = given.store ?? new Map();
    this.#attempts = new Attempts(this.#store);
    this.#gateway = apiKey === undefined && token !== undefined;
    this.#server = this.#gateway ? given.baseUrl : undefined;
    this.#settings = {
      baseUrl: given.baseUrl,
      uploadBaseUrl: given.uploadBaseUrl,
      bearer:
        typeof token === "function" && this.#gateway ? keptToken(token) : (apiKey ?? String(token ?? "")),
      limiter: given.limiter ?? (this.#gateway || !queues ? undefined : new Limiter()),
      fetch: (request) =>
        send === undefined ? globalFetch(forRuntime(request)) : callFetch(send, forRuntime(request)),
      isPrerenderError,
      durations: [],
      events: new Events(async (stream, failures, signal) => {
        const wasm = await this.#load();
        return wasm.listen(this.#settings, { signal }, stream, failures);
      }),
      listen,
      fail: (failure, cause) => this.#error(named(failure), cause),
    };
    if (apiKey !== undefined && !given.allowsBrowser && inPage()) {
      throw invalid(
        "An apiKey in a web page can be read by every visitor. Keep it on a server of yours, and give the page " +
          "that server's baseUrl and a token; or set dangerouslyAllowBrowser, if only you can open the page.",
      );
    }
  }

  /**
   * Enlarges an image and waits for the result.
   *
   * @param image Its public URL, or the file itself: a jpeg, png or webp of at most 10 MB.
   * @returns The result, whose `url` is the upscaled image.
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async upscale(image: ImageSource, options: UpscaleOptions = {}): Promise<UpscaleResult> {
    const order = orderOf(image, options, true);
    const job = await this.#submit(order);
    if (order.listener !== undefined) tellAll(job, order.listener);
    return job.result();
  }

  /**
   * Makes the task, once, and does not wait for its end.
   *
   * @param image As for {@link upscale}.
   * @param options `signal` and `timeout` hold for the job, too; its time begins anew when it is waited for.
   * @returns The job, as soon as its task is made.
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async submit(image: ImageSource, options: SubmitOptions = {}): Promise<Job> {
    return this.#submit(orderOf(image, options, false));
  }

  /**
   * Goes on with a job whose task was made earlier, by this process or another one. Costs nothing.
   *
   * Of an entry of {@link pending} whose `taskId` is null, a gateway is asked first what became of its request. That
   * makes no task. Where none was made and none can be any more, it rejects with an error whose `charged` is `no`, and
   * the entry is forgotten; where nobody can say, with `outcome-unknown`, and the entry stays.
   *
   * @param ticket What `JSON.stringify` made of a {@link Job}, parsed; one of {@link pending}; or a task's id.
   * @returns The job. What is wrong with the ticket or the options is what {@link Job.result} and an iteration reject
   *   with.
   */
  resume(ticket: Ticket | Pending | string, options: CallOptions = {}): Job {
    try {
      const { signal, timeout } = callOptions(options);
      return this.#job(ticketOf(ticket, this.#gateway), [], { signal, timeout });
    } catch (error) {
      return new Job({ taskId: "", createdAt: 0 }, [], () => Promise.reject(error));
    }
  }

  /**
   * The jobs that were begun and have not been seen to end, out of the store, the oldest first. One whose `taskId`
   * is null was cut off while its task was being made: behind a gateway, {@link resume} it; else look at the account, then
   * {@link forget} it. This sends nothing.
   */
  async pending(): Promise<Pending[]> {
    return this.#stored(callOptions({}), () => this.#attempts.list());
  }

  /** Takes a job out of the store. Its task, where there is one, goes on and is charged. */
  async forget(pending: Pick<Pending, "attempt">): Promise<void> {
    const attempt = reading("attempt", () => members(pending, "argument of forget").attempt);
    if (typeof attempt !== "string") throw invalid("This is no entry of pending(): it has no attempt.");
    await this.#stored(callOptions({}), () => this.#attempts.forget(attempt));
  }

  /**
   * Enlarges many images and tells each one's end as it comes; one failure does not end the others.
   *
   * Images are taken from the iterable as there is room for them. Leaving the loop begins no more of them; those
   * under way go on to their end and are charged, though nobody reads it. To stop waiting for these, too, abort.
   *
   * @param images As for {@link upscale}; an array, a generator, or an async one.
   * @returns An iteration over what ended, in the order in which it did. It rejects with the signal's own reason, and
   * with what `images` threw, once those under way have been told.
   */
  async *upscaleAll<Image extends ImageSource>(
    images: Iterable<Image> | AsyncIterable<Image>,
    options: UpscaleAllOptions = {},
  ): AsyncGenerator<Upscaled<Image>, void, void> {
    const { concurrency, rest } = reading("options", () => {
      const { concurrency, ...rest } = members(options);
      return { concurrency: concurrency ?? 20, rest };
    });
    if (!(typeof concurrency === "number" && concurrency >= 1)) {
      throw invalid("The concurrency must be a number, 1 or more.");
    }
    // Once for all, before an image is asked for.
    const { signal } = orderOf("", rest, true).run;
    yield* upscaleAll(images, concurrency, signal, (image) => this.upscale(image, rest));
  }

  /**
   * The API's createTask by itself.
   *
   * @returns The task's id.
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async createTask(request: CreateTaskRequest, options: CallOptions = {}): Promise<{ taskId: string }> {
    const limits = callOptions(options);
    const { model, image, callBackUrl } = reading("request", () => {
      const { model, callBackUrl, input } = members(request, "request");
      return {
        model: textOf(model, "model"),
        image: textOf(members(input, "input").image, "image"),
        callBackUrl: callBackUrl == null ? undefined : textOf(callBackUrl, "callBackUrl"),
      };
    });
    return { taskId: await this.#createTask(model, image, callBackUrl, limits) };
  }

  /**
   * The API's recordInfo by itself: how a task stands.
   *
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async getTask(taskId: string, options: CallOptions = {}): Promise<TaskDetail> {
    const limits = callOptions(options);
    const asked = taskIdOf(taskId);
    const wasm = await this.#wasm(limits);
    const [
      id,
      model,
      state,
      image,
      resultUrls,
      failCode,
      failMsg,
      createTime,
      completeTime,
      creditsConsumed,
    ] = await wasm.getTask(this.#settings, limits, asked);
    return {
      ...{ taskId: id, model, state, image, resultUrls, failCode, failMsg },
      ...{ createTime, completeTime, creditsConsumed },
    };
  }

  /** @internal What `receiveCallback` goes on from, which stands outside so that a page need not load it. */
  async internals() {
    return {
      wasm: await this.#wasm(callOptions({})),
      settings: this.#settings,
      store: this.#store,
      attempts: this.#attempts,
    };
  }

  /**
   * Checks a file and uploads it, so that the service can fetch it for a day. Costs nothing.
   *
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async upload(file: ImageFile, options: CallOptions = {}): Promise<{ url: string }> {
    const limits = callOptions(options);
    const blob = fileOf(file);
    if (blob === undefined) {
      throw invalid("The file is neither a Blob nor bytes that can be read. Give the image's content.");
    }
    return { url: await this.#upload(blob, limits) };
  }

  /**
   * The account's balance, in credits.
   *
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async credits(options: CallOptions = {}): Promise<number> {
    const limits = callOptions(options);
    const wasm = await this.#wasm(limits);
    return wasm.credits(this.#settings, limits);
  }

  async #submit(order: Order): Promise<Job> {
    const { key, run } = order;
    if (key === undefined) return this.#attempt(order, undefined);

    const wasm = await this.#wasm(run);
    const header = wasm.keyHeader(this.#settings, key);
    if (typeof header !== "string") throw header;
    const { image } = order;
    const name =
      typeof image === "string" ? image : await wasm.fingerprint(this.#settings, limitsOf(run), image);
    for (;;) {
      // What a slow store still writes for an earlier call would be taken for this one's.
      await within(run, () => this.#abandoned.get(key));
      const other = this.#underWay.get(key);
      if (other === undefined) break;
      const problem = wasm.checkRepeat(this.#settings, name, other.image, true);
      if (problem) throw problem;
      const job = await this.#joined(run, other.job);
      if (job !== undefined) return this.#job(job.toJSON(), submitted(job.taskId), jobRun(order));
    }
    const job = this.#attempt(order, { key, name, header });
    this.#underWay.set(key, { image: name, job });
    return job.finally(() => this.#underWay.delete(key));
  }

  /** Another call's job; nothing where that call ended for a reason of its own, before anything was sent. */
  async #joined(run: Run, job: Promise<Job>): Promise<Job | undefined> {
    try {
      return await within(run, () => job);
    } catch (error) {
      if (run.signal?.aborted) throw run.signal.reason;
      const isOurs = performance.now() >= run.began + run.timeout;
      const isTheirs =
        !(error instanceof UpscaleError) || (error.kind === "timeout" && error.charged === "no");
      if (isTheirs && !isOurs) return undefined;
      throw error;
    }
  }

  /** Makes the task, once, with an entry in the store from before it is sent to after it has ended. */
  async #attempt(order: Order, keyed: Keyed | undefined): Promise<Job> {
    const { callBackUrl, run } = order;
    const wasm = await this.#wasm(run);
    if (keyed !== undefined) {
      const kept = await this.#stored(run, () => this.#attempts.find(keyed.key, wasm));
      const job = kept && (await this.#goOn(kept, keyed, order, wasm));
      if (job !== undefined) return job;
    }
    const url = await this.#reachable(order);
    const { pending, isNew } = await this.#begin(run, keyed?.name ?? url, keyed?.key, wasm);
    // Another tab was faster. Where nothing came of that, it begins anew.
    if (!isNew && keyed !== undefined) {
      return (await this.#goOn(pending, keyed, order, wasm)) ?? this.#attempt(order, keyed);
    }

    const { attempt } = pending;
    let sent = false;
    const send = (outgoing: Request) => {
      sent = true;
      return this.#settings.fetch(outgoing);
    };
    const fetch = (outgoing: Request) => {
      const renewed = this.#attempts.sending(pending, wasm);
      if (renewed === undefined) return send(outgoing);
      return renewed.then(() => {
        outgoing.signal.throwIfAborted();
        return send(outgoing);
      });
    };
    let taskId: string;
    try {
      const keyedRun = this.#gateway ? { ...run, attempt: keyed?.header ?? attempt } : run;
      taskId = await this.#createTask(MODEL, url, callBackUrl, keyedRun, { ...this.#settings, fetch });
    } catch (error) {
      const nothingMade =
        !sent || isPrerenderError(error) || (error instanceof UpscaleError && error.charged === "no");
      // An abort settles at once, and does not wait for the store.
      if (nothingMade) await settleStore(() => this.#attempts.forget(attempt), run);
      throw error;
    }
    // Neither an abort nor a time-out ends the call from here on: the job carries the task's id, and meets them itself.
    const written = this.#attempts.made(attempt, taskId);
    await settleStore(() => written, run);
    const ticket = { taskId, createdAt: Date.now(), attempt };
    return this.#job(ticket, submitted(taskId), jobRun(order), written);
  }

  /** Writes the entry of an attempt. Where the call ends first, nothing was sent, and the entry does not stay. */
  async #begin(run: Run, image: string, key: string | undefined, wasm: Wasm) {
    const begun = this.#kept(() => this.#attempts.begin(image, key, wasm, this.#server));
    try {
      return await within(run, () => begun);
    } catch (error) {
      const undone = begun
        .then(({ pending, isNew }) => (isNew ? this.#attempts.forget(pending.attempt) : undefined))
        // Whoever waited for the store has been told.
        .catch(() => {});
      if (key !== undefined) {
        this.#abandoned.set(key, undone);
        void undone.then(() => this.#abandoned.delete(key));
      }
      throw error;
    }
  }

  /** Goes on with what an earlier call of the same `idempotencyKey` began; `undefined` where nothing came of that. */
  async #goOn(kept: Kept, { name }: Keyed, order: Order, wasm: Wasm): Promise<Job | undefined> {
    const { attempt, image, createdAt } = kept;
    const problem = wasm.checkRepeat(this.#settings, name, image, kept.taskId !== null || this.#gateway);
    if (problem) throw problem;
    const taskId = kept.taskId ?? (await this.#recover(kept, order.run, wasm));
    if (taskId === undefined) return undefined;
    return this.#job({ taskId, createdAt, attempt }, [], jobRun(order));
  }

  /**
   * Asks the gateway which task an attempt made, and keeps that. Makes nothing.
   *
   * @param kept Its entry, or as much of it as there is in another store.
   * @returns Its task; `undefined` where none was made. The entry is forgotten then.
   */
  async #recover(kept: Kept, run: Limits, wasm: Wasm): Promise<string | undefined> {
    const { attempt, createdAt, sendsUntil, server } = kept;
    const taskId = await wasm.recover(this.#settings, limitsOf(run), attempt, createdAt, sendsUntil, server);
    if (taskId === undefined) await this.#stored(run, () => this.#attempts.forgetUnmade(kept));
    else await settleStore(() => this.#attempts.made(attempt, taskId), run);
    return taskId;
  }

  /** The task of an attempt whose ticket has none. */
  async #taskOf(attempt: string, createdAt: number, limits: Limits, wasm: Wasm): Promise<string> {
    const kept = await this.#stored(limits, () => this.#attempts.get(attempt));
    const known = kept ?? { attempt, createdAt, image: "", taskId: null, hasKey: false, ended: false };
    const taskId = known.taskId ?? (await this.#recover(known, limits, wasm));
    if (taskId !== undefined) return taskId;
    const failure = { kind: "unreachable", message: NEVER_ARRIVED, retryable: false } as const;
    throw this.#error({ ...NOTHING_SENT, ...failure }, undefined);
  }

  /** The image's URL, once it is checked as far as was asked for. */
  async #reachable({ image, preflight, run, listener }: Order): Promise<string> {
    if (typeof image !== "string") return this.#upload(image, run, listener);
    if (preflight) {
      const wasm = await this.#wasm(run);
      await wasm.preflight(this.#settings, { ...limitsOf(run), onUpdate: early(listener) }, image);
    }
    return image;
  }

  async #upload(file: Blob, run: Run, listener?: Listener): Promise<string> {
    const wasm = await this.#wasm(run);
    return wasm.upload(this.#settings, { ...limitsOf(run), onUpdate: early(listener) }, file);
  }

  /** Waits for what must be read or written before anything is sent. */
  #stored<T>(limits: Limits, work: () => Promise<T>): Promise<T> {
    return within(limits, () => this.#kept(work));
  }

  /** What the store does; its failure as an error of this package. */
  async #kept<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const message = "The store failed, so nothing was sent. Check that it can be read and has room.";
      throw this.#error({ ...NOTHING_SENT, kind: "store-failed", message, retryable: true }, cause);
    }
  }

  async #createTask(
    model: string,
    image: string,
    callBackUrl: string | undefined,
    run: Run,
    settings = this.#settings,
  ): Promise<string> {
    const wasm = await this.#wasm(run);
    const keyed = this.#gateway ? { attempt: attemptId(), ...run } : run;
    return wasm.createTask(settings, keyed, model, image, callBackUrl);
  }

  #job(
    ticket: Ticket,
    updates: Update[],
    run: Omit<Limits, "began"> & { began?: number },
    written?: Promise<void>,
  ): Job {
    // Its errors resume this very ticket, which knows the task's age.
    const fail: Fail = (failure, cause) => new UpscaleError(named(failure), cause, () => this.resume(ticket));
    return new Job(ticket, updates, async (onUpdate) => {
      const limits = { ...run, began: run.began ?? performance.now() };
      const late = () => fail(lateFor(ticket.taskId), undefined);
      const wasm = await within(limits, this.#load, late);
      const { attempt } = ticket;
      // Without an attempt, an empty id is refused as any bad one.
      if (ticket.taskId === "" && this.#gateway && attempt !== undefined) {
        ticket.taskId = await this.#taskOf(attempt, ticket.createdAt, limits, wasm);
        onUpdate({ state: "submitted", taskId: ticket.taskId });
      }
      const settings = { ...this.#settings, fail };
      const following = {
        ...limits,
        onUpdate: (state: string, taskId: string) => onUpdate({ state, taskId }),
      };
      const result = await this.#followed(ticket, limits, written, () =>
        wasm.follow(settings, following, ticket.taskId, ticket.createdAt),
      );
      return withBlob(result, wasm, settings);
    });
  }

  /** Takes a job out of the store once it has ended, well or badly; `written` is when the store has its task. */
  async #followed<T>(
    { attempt }: Ticket,
    limits: Limits,
    written: Promise<void> | undefined,
    follow: () => Promise<T>,
  ): Promise<T> {
    const ended = async () => {
      if (attempt === undefined) return;
      const end = async () => {
        // What a slow store writes last must not be that the job goes on.
        await written?.catch(() => {});
        await this.#attempts.ended(attempt);
      };
      await settleStore(end, limits);
    };
    try {
      const result = await follow();
      await ended();
      return result;
    } catch (error) {
      if (error instanceof UpscaleError && error.resume === undefined) await ended();
      throw error;
    }
  }

  #wasm(limits: Limits): Promise<Wasm> {
    return within(limits, this.#load);
  }

  #error(failure: Failure, cause: unknown): UpscaleError {
    return new UpscaleError(failure, cause, (taskId) => this.resume(taskId));
  }
}

/** What the WebAssembly says of a failure, in the order in which it does. */
type Told = [
  kind: Failure["kind"],
  code: number | null,
  failCode: string | null,
  status: number | null,
  message: string,
  taskId: string | null,
  charged: Failure["charged"],
  retryable: boolean,
  resumable: boolean,
];

/** Makes an error of what the WebAssembly says of a failure. */
export type Fail = (failure: Told, cause: unknown) => UpscaleError;

/** A failure with names to what the WebAssembly says of it. */
export function named(told: Told): Failure {
  const [kind, code, failCode, status, message, taskId, charged, retryable, resumable] = told;
  return { kind, code, failCode, status, message, taskId, charged, retryable, resumable };
}

/** A result with names to what the WebAssembly says of it, and with its `blob`. */
export function withBlob(
  // In the order in which it does.
  [taskId, url, type, width, height, credits, createTime, completeTime, expiresAt]: [
    ...[
      taskId: string,
      url: string,
      type: UpscaleResult["type"],
      width: number | null,
      height: number | null,
    ],
    ...[credits: number | null, createTime: number | null, completeTime: number | null, expiresAt: number],
  ],
  wasm: Wasm,
  settings: Parameters<Wasm["download"]>[0],
): UpscaleResult {
  const result = { taskId, url, type, width, height, credits, createTime, completeTime, expiresAt };
  const blob = async (options: CallOptions = {}) =>
    wasm.download(settings, callOptions(options), taskId, url);
  // Not enumerable, so that the result stays plain data for JSON and structured clones.
  return Object.defineProperty(result, "blob", { value: blob }) as UpscaleResult;
}

/** An `idempotencyKey`, and what tells the image that it is for from another. */
interface Keyed {
  key: string;
  name: string;
  /** The key as a header carries it. */
  header: string;
}

/** What an `Upscaler` is made with, checked as far as it can be without the WebAssembly. */
function upscalerOptions(options: UpscalerOptions) {
  return reading("options", () => {
    if (Object(options) !== options)
      throw invalid("The options are missing. Give an apiKey, or a baseUrl and a token.");
    const { apiKey, token, baseUrl, uploadBaseUrl, fetch, store, limiter } = options;
    const allowsBrowser = "dangerouslyAllowBrowser" in options && options.dangerouslyAllowBrowser === true;
    if (apiKey != null && typeof apiKey !== "string") throw invalid("The apiKey must be a string.");
    if (token != null && typeof token !== "string" && typeof token !== "function") {
      throw invalid("The token must be a string, or a function that gives one.");
    }
    if (fetch != null && typeof fetch !== "function") {
      throw invalid("The fetch option must be a function like the global fetch that takes a Request.");
    }
    if (store != null && !STORE_METHODS.every((name) => typeof store[name] === "function")) {
      throw invalid("The store must have the methods get, set, delete and keys, as a Map has.");
    }
    if (limiter != null && !Array.isArray((limiter as unknown as { counts?: unknown }).counts)) {
      throw invalid("The limiter must be a Limiter of this package.");
    }
    return {
      apiKey: apiKey ?? undefined,
      allowsBrowser,
      token: token ?? undefined,
      baseUrl: baseUrl == null ? undefined : textOf(baseUrl, "baseUrl"),
      uploadBaseUrl: uploadBaseUrl == null ? undefined : textOf(uploadBaseUrl, "uploadBaseUrl"),
      send: fetch ?? undefined,
      store: store ?? undefined,
      limiter: limiter ?? undefined,
    };
  });
}

const STORE_METHODS = ["get", "set", "delete", "keys"] as const;

/** What a caller wants to have upscaled, and how. From here on it can change nothing of it. */
function orderOf(image: ImageSource, options: UpscaleOptions, waits: boolean): Order {
  const run = callOptions(options);
  return reading("options", () => {
    const { onUpdate, callBackUrl, preflight, idempotencyKey } = members(options);
    return {
      image: fileOf(image) ?? textOf(image, "image"),
      callBackUrl: callBackUrl == null ? undefined : textOf(callBackUrl, "callBackUrl"),
      preflight: Boolean(preflight),
      key: keyOf(idempotencyKey),
      listener: listenerOf(onUpdate),
      run,
      waits,
    };
  });
}

/** What a job has of the call that made it. The time-out of {@link Client.submit} begins anew when it is waited for. */
function jobRun({ run, waits }: Order): Omit<Limits, "began"> & { began?: number } {
  const { signal, timeout, began } = run;
  return waits ? { signal, timeout, began } : { signal, timeout };
}

function limitsOf({ signal, timeout, began }: Run): Limits {
  return { signal, timeout, began };
}

function submitted(taskId: string): Update[] {
  return [{ state: "submitted", taskId }];
}

/** The time was over before the WebAssembly was loaded, which would have said so itself. */
function lateFor(taskId: string): Told {
  const message = "The time is over and the task is not done. It goes on: resume it with its task id.";
  return ["timeout", null, null, null, message, taskId, "unknown", false, true];
}

/** Where to tell what happens before there is a task. */
type Listener = (update: EarlyUpdate) => void;

/** The listener, whose own mistakes must not cost the caller the result. */
function guarded<U>(listener: (update: U) => void): (update: U) => void {
  return async (update) => {
    try {
      // An async one, too.
      await listener(update);
    } catch (error) {
      console.error("crisp-upscale: onUpdate threw", error);
    }
  };
}

/** The same, told as the WebAssembly does what happens before there is a task. */
function early(listener: Listener = warn): (state: EarlyUpdate["state"], of: string) => void {
  const tell = guarded(listener);
  return (state, of) => {
    if (state === "warning") tell({ state, warning: of });
    else if (state === "uploaded") tell({ state, url: of });
    else tell({ state });
  };
}

function warn(update: EarlyUpdate): void {
  if (update.state === "warning") console.warn(`crisp-upscale: ${update.warning}`);
}

/** Hands each update of a job to a listener. */
async function tellAll(job: Job, listener: (update: Update) => void): Promise<void> {
  const tell = guarded(listener);
  try {
    for await (const update of job) tell(update);
  } catch {
    // The caller meets the job's error in the result.
  }
}

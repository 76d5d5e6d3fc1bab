import { type UpscaleAllOptions, type Upscaled, upscaleAll } from "./all.js";
import { Attempts, attemptId, type Begun, type Pending } from "./attempts.js";
import { type Failure, NOTHING_SENT, UpscaleError } from "./error.js";
import { Events } from "./events.js";
import { Job } from "./job.js";
import { Limiter } from "./limiter.js";
import { forRuntime, globalFetch, inPage, isPrerenderError } from "./runtime.js";
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

const MODEL = "recraft/crisp-upscale";

/** What a call from here to the WebAssembly may say. */
interface Run extends CallOptions {
  /** When the time-out began, on the clock of `performance.now()`. */
  began?: number;
  /** The `Idempotency-Key` of its createTask. */
  attempt?: string;
}

/** What an `Upscaler` can do. Each runtime's `Upscaler` is this, with a way to load the WebAssembly. */
export class Client {
  readonly #load: Load;
  readonly #store: Store;
  readonly #attempts: Attempts;
  /** Calls with an `idempotencyKey` whose task is being made. */
  readonly #underWay = new Map<string, { image: string; job: Promise<Job> }>();
  /** Whether a gateway is asked, which has a queue and knows an attempt by its key. */
  readonly #gateway: boolean;
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
    readonly fail: Fail;
  };

  /** @internal `queues`: whether one call may wait for another, as they do in a limiter */
  constructor(options: UpscalerOptions, load: Load, queues = true) {
    const { apiKey, token, fetch: send = globalFetch } = options;
    this.#load = load;
    this.#store = options.store ?? new Map();
    this.#attempts = new Attempts(this.#store);
    this.#gateway = apiKey === undefined && token !== undefined;
    this.#settings = {
      baseUrl: options.baseUrl?.toString(),
      uploadBaseUrl: options.uploadBaseUrl?.toString(),
      bearer: this.#gateway && typeof token === "function" ? keptToken(token) : String(apiKey ?? token ?? ""),
      limiter: options.limiter ?? (this.#gateway || !queues ? undefined : new Limiter()),
      fetch: (request) => send(forRuntime(request)),
      isPrerenderError,
      durations: [],
      events: new Events(async (stream, failures, signal) => {
        const wasm = await this.#load();
        return wasm.listen(this.#settings, { signal }, stream, failures);
      }),
      fail: (failure, cause) => this.#error(named(failure), cause),
    };
    if (apiKey !== undefined && options.dangerouslyAllowBrowser !== true && inPage()) {
      throw this.#invalid(
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
    const { onUpdate, ...rest } = options;
    // One time-out for all of it.
    const job = await this.#submit(image, { ...rest, began: performance.now() }, onUpdate);
    if (onUpdate !== undefined) tellAll(job, onUpdate);
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
    return this.#submit(image, options);
  }

  /**
   * Goes on with a job whose task was made earlier, by this process or another one. Costs nothing.
   *
   * @param ticket What `JSON.stringify` made of a {@link Job}, parsed; one of {@link pending}; or a task's id.
   */
  resume(ticket: Ticket | string, options: CallOptions = {}): Job {
    if (typeof ticket === "string") return this.#job({ taskId: ticket, createdAt: 0 }, [], options);
    const { taskId, createdAt, attempt } = ticket;
    const kept: Ticket = { taskId: String(taskId), createdAt: Number(createdAt) };
    if (attempt !== undefined) kept.attempt = attempt;
    return this.#job(kept, [], options);
  }

  /**
   * The jobs that were begun and have not been seen to end, out of the store, the oldest first. One whose `taskId`
   * is null was cut off while its task was being made: look at the account, then {@link forget} it.
   */
  pending(): Promise<Pending[]> {
    return this.#stored(this.#attempts.list());
  }

  /** Takes a job out of the store. Its task, where there is one, goes on and is charged. */
  forget({ attempt }: Pick<Pending, "attempt">): Promise<void> {
    return this.#stored(this.#attempts.forget(attempt));
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
    const { concurrency = 20, ...rest } = options;
    if (!(concurrency >= 1)) throw this.#invalid("The concurrency is not a number from 1.");
    yield* upscaleAll(images, concurrency, rest.signal, (image) => this.upscale(image, rest));
  }

  /**
   * The API's createTask by itself.
   *
   * @returns The task's id.
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async createTask(request: CreateTaskRequest, options: CallOptions = {}): Promise<{ taskId: string }> {
    return { taskId: await this.#createTask(request, options) };
  }

  /**
   * The API's recordInfo by itself: how a task stands.
   *
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async getTask(taskId: string, options: CallOptions = {}): Promise<TaskDetail> {
    const wasm = await this.#wasm(options);
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
    ] = await wasm.getTask(this.#settings, options, String(taskId));
    return {
      ...{ taskId: id, model, state, image, resultUrls, failCode, failMsg },
      ...{ createTime, completeTime, creditsConsumed },
    };
  }

  /** @internal What `receiveCallback` goes on from, which stands outside so that a page need not load it. */
  async internals() {
    return {
      wasm: await this.#wasm({}),
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
    return { url: await this.#upload(file, options) };
  }

  /**
   * The account's balance, in credits.
   *
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async credits(options: CallOptions = {}): Promise<number> {
    const wasm = await this.#wasm(options);
    return wasm.credits(this.#settings, options);
  }

  async #submit(image: ImageSource, options: SubmitOptions & Run, listener?: Listener): Promise<Job> {
    const { idempotencyKey: key, ...rest } = options;
    if (key === undefined) return this.#attempt(image, undefined, rest, listener);

    const name = await nameOf(image);
    const wasm = await this.#wasm(rest);
    const other = this.#underWay.get(key);
    if (other !== undefined) {
      const problem = wasm.checkRepeat(this.#settings, name, other.image, true);
      if (problem) throw problem;
      return other.job;
    }
    const job = this.#attempt(image, { key, name }, rest, listener);
    this.#underWay.set(key, { image: name, job });
    return job.finally(() => this.#underWay.delete(key));
  }

  /** Makes the task, once, with an entry in the store from before it is sent to after it has ended. */
  async #attempt(
    image: ImageSource,
    keyed: Keyed | undefined,
    options: SubmitOptions & Run,
    listener: Listener | undefined,
  ): Promise<Job> {
    const { callBackUrl, preflight = false, ...run } = options;
    const sending = { ...run, began: run.began ?? performance.now() };
    const wasm = await this.#wasm(run);
    if (keyed !== undefined) {
      const kept = await this.#stored(this.#attempts.find(keyed.key, wasm));
      if (kept !== undefined) return this.#goOn(kept, keyed, run, wasm);
    }
    const url = await this.#reachable(image, preflight, sending, listener);
    const { pending, isNew } = await this.#stored(this.#attempts.begin(keyed?.name ?? url, keyed?.key, wasm));
    // Another tab was faster.
    if (!isNew && keyed !== undefined) return this.#goOn(pending, keyed, run, wasm);

    const request: CreateTaskRequest = { model: MODEL, input: { image: url } };
    if (callBackUrl !== undefined) request.callBackUrl = callBackUrl;
    const { attempt } = pending;
    let sent = false;
    const fetch = (outgoing: Request) => {
      sent = true;
      return this.#settings.fetch(outgoing);
    };
    try {
      const run = this.#gateway ? { ...sending, attempt: encodeURIComponent(attempt) } : sending;
      const taskId = await this.#createTask(request, run, { ...this.#settings, fetch });
      await this.#attempts.made(attempt, taskId).catch(storeFailed);
      return this.#job({ taskId, createdAt: Date.now(), attempt }, [{ state: "submitted", taskId }], run);
    } catch (error) {
      const nothingMade =
        !sent || isPrerenderError(error) || (error instanceof UpscaleError && error.charged === "no");
      const forgotten = nothingMade && this.#attempts.forget(attempt).catch(storeFailed);
      // An abort settles at once, and does not wait for the store.
      if (error instanceof UpscaleError) await forgotten;
      throw error;
    }
  }

  /** Goes on with what an earlier call of the same `idempotencyKey` began. */
  #goOn(kept: Begun<string | null>, { name }: Keyed, run: Run, wasm: Wasm): Job {
    const problem = wasm.checkRepeat(this.#settings, name, kept.image, kept.taskId !== null);
    if (problem) throw problem;
    return this.resume({ ...kept, taskId: String(kept.taskId) }, run);
  }

  /** The image's URL, once it is checked as far as was asked for. */
  async #reachable(
    image: ImageSource,
    preflight: boolean,
    run: Run,
    listener: Listener = warn,
  ): Promise<string> {
    if (isFile(image)) return this.#upload(image, run, listener);
    const url = String(image);
    if (preflight) {
      const wasm = await this.#wasm(run);
      await wasm.preflight(this.#settings, { ...run, onUpdate: early(listener) }, url);
    }
    return url;
  }

  async #upload(file: ImageFile, run: Run, listener: Listener = warn): Promise<string> {
    const wasm = await this.#wasm(run);
    return wasm.upload(this.#settings, { ...run, onUpdate: early(listener) }, this.#blob(file));
  }

  #blob(file: ImageFile): Blob {
    if (file instanceof Blob) return file;
    try {
      return new Blob([file as BlobPart]);
    } catch (cause) {
      const message = "The file is neither a Blob nor bytes that can be read. Give the image's content.";
      throw this.#error({ ...NOTHING_SENT, kind: "invalid-input", message, retryable: false }, cause);
    }
  }

  /** What must be read or written before anything is sent. */
  async #stored<T>(written: Promise<T>): Promise<T> {
    try {
      return await written;
    } catch (cause) {
      const message = "The store failed, so nothing was sent. Check that it can be read and has room.";
      throw this.#error({ ...NOTHING_SENT, kind: "store-failed", message, retryable: true }, cause);
    }
  }

  async #createTask(request: CreateTaskRequest, run: Run, settings = this.#settings): Promise<string> {
    const { model, callBackUrl, input } = request;
    const wasm = await this.#wasm(run);
    return wasm.createTask(
      settings,
      this.#gateway ? { attempt: attemptId(), ...run } : run,
      String(model),
      String(input.image),
      callBackUrl?.toString(),
    );
  }

  #job(ticket: Ticket, updates: Update[], run: Run): Job {
    // Its errors resume this very ticket, which knows the task's age.
    const fail: Fail = (failure, cause) => new UpscaleError(named(failure), cause, () => this.resume(ticket));
    return new Job(ticket, updates, async (onUpdate) => {
      const wasm = await this.#wasm(run);
      const settings = { ...this.#settings, fail };
      const result = await this.#followed(ticket, () =>
        wasm.follow(
          settings,
          {
            ...run,
            onUpdate: (state: string, taskId: string) => onUpdate({ state, taskId }),
          },
          ticket.taskId,
          ticket.createdAt,
        ),
      );
      return withBlob(result, wasm, settings);
    });
  }

  /** Takes a job out of the store once it has ended, well or badly. */
  async #followed<T>({ attempt }: Ticket, follow: () => Promise<T>): Promise<T> {
    const ended = async () => {
      if (attempt !== undefined) await this.#attempts.ended(attempt).catch(storeFailed);
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

  async #wasm({ signal }: CallOptions): Promise<Wasm> {
    signal?.throwIfAborted();
    return this.#load();
  }

  #invalid(message: string): UpscaleError {
    return this.#error({ ...NOTHING_SENT, kind: "invalid-input", message, retryable: false }, undefined);
  }

  #error(failure: Failure, cause: unknown): UpscaleError {
    return new UpscaleError(failure, cause, (taskId) => this.resume(taskId));
  }
}

/** What the WebAssembly says of a failure, in the order in which it does. */
type Told = [
  kind: Failure["kind"],
  code: number | null,
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
  const [kind, code, status, message, taskId, charged, retryable, resumable] = told;
  return { kind, code, status, message, taskId, charged, retryable, resumable };
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
  const blob = async (options: CallOptions = {}) => wasm.download(settings, options, taskId, url);
  // Not enumerable, so that the result stays plain data for JSON and structured clones.
  return Object.defineProperty(result, "blob", { value: blob }) as UpscaleResult;
}

/** From here on the task is made, and nothing that goes wrong with the store may cost it. */
export function storeFailed(error: unknown): void {
  console.error("crisp-upscale: the store failed", error);
}

/** An `idempotencyKey`, and what tells the image that it is for from another. */
interface Keyed {
  key: string;
  name: string;
}

/** An image's URL, or a digest of the file. */
async function nameOf(image: ImageSource): Promise<string> {
  if (!isFile(image)) return String(image);
  const bytes = image instanceof Blob ? await image.arrayBuffer() : (image as BufferSource);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha-256:${Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Where to tell what happens before there is a task. */
type Listener = (update: EarlyUpdate) => void;

function isFile(image: ImageSource): image is ImageFile {
  return image instanceof Blob || image instanceof ArrayBuffer || ArrayBuffer.isView(image);
}

/** The listener, whose own mistakes must not cost the caller the result. */
function guarded<U>(listener: (update: U) => void): (update: U) => void {
  return (update) => {
    try {
      listener(update);
    } catch (error) {
      console.error("crisp-upscale: onUpdate threw", error);
    }
  };
}

/** The same, told as the WebAssembly does what happens before there is a task. */
function early(listener: Listener): (state: EarlyUpdate["state"], of: string) => void {
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

import { type UpscaleAllOptions, type Upscaled, upscaleAll } from "./all.js";
import { type Failure, UpscaleError } from "./error.js";
import { Job } from "./job.js";
import { Limiter } from "./limiter.js";
import { forRuntime, inPage } from "./runtime.js";
import { keptToken } from "./token.js";
import type {
  CallOptions,
  CreateTaskRequest,
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
const API = "https://api.kie.ai";

/** What a call from here to the WebAssembly may say. */
interface Run extends CallOptions {
  /** When the time-out began, on the clock of `performance.now()`. */
  began?: number;
  /** The `Idempotency-Key` of its createTask. */
  attempt?: string;
  onUpdate?: (update: Update) => void;
}

/** What an `Upscaler` can do. Each runtime's `Upscaler` is this, with a way to load the WebAssembly. */
export class Client {
  readonly #load: Load;
  /** Whether a gateway is asked, which has a queue and knows an attempt by its key. */
  readonly #gateway: boolean;
  readonly #settings: {
    readonly baseUrl: string;
    readonly bearer: string | ((refused?: string) => Promise<string>);
    readonly limiter: Limiter | undefined;
    readonly fetch: (request: Request) => Promise<Response>;
    readonly fail: (failure: Failure, cause: unknown) => UpscaleError;
  };

  /** @internal */
  constructor(options: UpscalerOptions, load: Load) {
    const { apiKey, token, fetch: send = (request: Request) => globalThis.fetch(request) } = options;
    this.#load = load;
    this.#gateway = apiKey === undefined && token !== undefined;
    this.#settings = {
      baseUrl: String(options.baseUrl ?? API).replace(/\/+$/, ""),
      bearer: this.#gateway && typeof token === "function" ? keptToken(token) : String(apiKey ?? token ?? ""),
      limiter: options.limiter ?? (this.#gateway ? undefined : new Limiter()),
      fetch: (request) => send(forRuntime(request)),
      fail: (failure, cause) => this.#error(failure, cause),
    };
    if (apiKey !== undefined && options.dangerouslyAllowBrowser !== true && inPage()) {
      throw this.#invalid(
        "An apiKey in a web page can be read by every visitor. Keep it on a server of yours, and give the page " +
          "that server's baseUrl and a token; or set dangerouslyAllowBrowser, if only you can open the page.",
      );
    }
  }

  /**
   * Enlarges the image behind a URL and waits for the result.
   *
   * @param image The public URL of a jpeg, png or webp of at most 10 MB.
   * @returns The result, whose `url` is the upscaled image.
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async upscale(image: string | URL, options: UpscaleOptions = {}): Promise<UpscaleResult> {
    const { onUpdate, ...rest } = options;
    // One time-out for both halves.
    const job = await this.#submit(image, { ...rest, began: performance.now() });
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
  async submit(image: string | URL, options: SubmitOptions = {}): Promise<Job> {
    return this.#submit(image, options);
  }

  /**
   * Goes on with a job whose task was made earlier, by this process or another one. Costs nothing.
   *
   * @param ticket What `JSON.stringify` made of a {@link Job}, parsed, or a task's id.
   */
  resume(ticket: Ticket | string, options: CallOptions = {}): Job {
    const { taskId, createdAt } = typeof ticket === "string" ? { taskId: ticket, createdAt: 0 } : ticket;
    return this.#job({ taskId: String(taskId), createdAt: Number(createdAt) }, [], options);
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
  async *upscaleAll<Image extends string | URL>(
    images: Iterable<Image> | AsyncIterable<Image>,
    options: UpscaleAllOptions = {},
  ): AsyncGenerator<Upscaled<Image>, void, void> {
    const { concurrency = 20, ...rest } = options;
    if (!(concurrency >= 1)) throw this.#invalid("The concurrency is not a number from 1.");
    yield* upscaleAll(images, concurrency, options.signal, (image, signal) =>
      this.upscale(image, { ...rest, signal }),
    );
  }

  /**
   * The API's createTask by itself.
   *
   * @returns The task's id.
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async createTask(request: CreateTaskRequest, options: CallOptions = {}): Promise<{ taskId: string }> {
    const { taskId } = await this.#createTask(request, options);
    return { taskId };
  }

  /**
   * The API's recordInfo by itself: how a task stands.
   *
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async getTask(taskId: string, options: CallOptions = {}): Promise<TaskDetail> {
    const wasm = await this.#wasm(options);
    return wasm.getTask(this.#settings, String(taskId), options);
  }

  async #submit(image: string | URL, options: SubmitOptions & Run): Promise<Job> {
    const { callBackUrl, ...run } = options;
    const request: CreateTaskRequest = { model: MODEL, input: { image } };
    if (callBackUrl !== undefined) request.callBackUrl = callBackUrl;
    const submitted = await this.#createTask(request, run);
    return this.#job({ taskId: submitted.taskId, createdAt: Date.now() }, [submitted], run);
  }

  async #createTask(request: CreateTaskRequest, run: Run): Promise<Update> {
    const { model, callBackUrl, input } = request;
    const wasm = await this.#wasm(run);
    return wasm.createTask(
      this.#settings,
      String(model),
      String(input.image),
      callBackUrl === undefined ? undefined : String(callBackUrl),
      this.#gateway ? { ...run, attempt: attemptId() } : run,
    );
  }

  #job(ticket: Ticket, updates: Update[], run: Run): Job {
    // Its errors resume this very ticket, which knows the task's age.
    const fail = (failure: Failure, cause: unknown) =>
      new UpscaleError(failure, cause, () => this.resume(ticket));
    return new Job(ticket, updates, async (onUpdate) => {
      const wasm = await this.#wasm(run);
      const settings = { ...this.#settings, fail };
      return wasm.follow(settings, ticket.taskId, ticket.createdAt, { ...run, onUpdate });
    });
  }

  async #wasm({ signal }: CallOptions): Promise<Wasm> {
    signal?.throwIfAborted();
    try {
      return await this.#load();
    } catch (cause) {
      const message =
        "The WebAssembly of crisp-upscale could not be loaded, so nothing was sent. " +
        "Check that its .wasm file is served beside the script and that the page's Content-Security-Policy " +
        "has 'wasm-unsafe-eval' in script-src.";
      throw this.#error({ ...NOTHING_SENT, kind: "load-failed", message, retryable: true }, cause);
    }
  }

  #invalid(message: string): UpscaleError {
    return this.#error({ ...NOTHING_SENT, kind: "invalid-input", message, retryable: false }, undefined);
  }

  #error(failure: Failure, cause: unknown): UpscaleError {
    return new UpscaleError(failure, cause, (taskId) => this.resume(taskId));
  }
}

/** 128 random bits. Not `randomUUID`, which a page has only where it came by https. */
function attemptId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const NOTHING_SENT = {
  code: null,
  status: null,
  taskId: null,
  charged: "no",
  resumable: false,
} as const;

/** Hands each update to a listener, whose own mistakes must not cost the caller the result. */
async function tellAll(job: Job, listener: (update: Update) => void): Promise<void> {
  try {
    for await (const update of job) {
      try {
        listener(update);
      } catch (error) {
        console.error("crisp-upscale: onUpdate threw", error);
      }
    }
  } catch {
    // The caller meets the job's error in the result.
  }
}

import { type Failure, UpscaleError } from "./error.js";
import { Job } from "./job.js";
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
  onUpdate?: (update: Update) => void;
}

/** What an `Upscaler` can do. Each runtime's `Upscaler` is this, with a way to load the WebAssembly. */
export class Client {
  readonly #load: Load;
  readonly #settings: {
    readonly baseUrl: string;
    readonly bearer: string;
    readonly fetch: (request: Request) => Promise<Response>;
    /** How long the last tasks took, which says when to look at the next; filled by the WebAssembly. */
    readonly durations: number[];
    readonly fail: (failure: Failure, cause: unknown) => UpscaleError;
  };

  /** @internal */
  constructor(options: UpscalerOptions, load: Load) {
    this.#load = load;
    this.#settings = {
      baseUrl: String(options.baseUrl ?? API).replace(/\/+$/, ""),
      bearer: String(options.apiKey ?? options.token ?? ""),
      fetch: options.fetch ?? ((request) => globalThis.fetch(request)),
      durations: [],
      fail: (failure, cause) => this.#error(failure, cause),
    };
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
      run,
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

  #error(failure: Failure, cause: unknown): UpscaleError {
    return new UpscaleError(failure, cause, (taskId) => this.resume(taskId));
  }
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

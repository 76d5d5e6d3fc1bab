import { type Failure, UpscaleError } from "./error.js";
import { Job } from "./job.js";
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
const API = "https://api.kie.ai";
const UPLOADS = "https://kieai.redpandaai.co";

/** What a call from here to the WebAssembly may say. */
interface Run extends CallOptions {
  /** When the time-out began, on the clock of `performance.now()`. */
  began?: number;
}

/** What an `Upscaler` can do. Each runtime's `Upscaler` is this, with a way to load the WebAssembly. */
export class Client {
  readonly #load: Load;
  readonly #settings: {
    readonly baseUrl: string;
    readonly uploadBaseUrl: string;
    readonly bearer: string;
    readonly fetch: (request: Request) => Promise<Response>;
    readonly fail: (failure: Failure, cause: unknown) => UpscaleError;
  };

  /** @internal */
  constructor(options: UpscalerOptions, load: Load) {
    this.#load = load;
    const baseUrl = base(options.baseUrl ?? API);
    this.#settings = {
      baseUrl,
      uploadBaseUrl: base(options.uploadBaseUrl ?? (baseUrl === API ? UPLOADS : baseUrl)),
      bearer: String(options.apiKey ?? options.token ?? ""),
      fetch: options.fetch ?? ((request) => globalThis.fetch(request)),
      fail: (failure, cause) => this.#error(failure, cause),
    };
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
    const { callBackUrl, preflight = false, ...run } = options;
    const sending = { ...run, began: run.began ?? performance.now() };
    const url = await this.#reachable(image, preflight, sending, listener);
    const request: CreateTaskRequest = { model: MODEL, input: { image: url } };
    if (callBackUrl !== undefined) request.callBackUrl = callBackUrl;
    const submitted = await this.#createTask(request, sending);
    return this.#job({ taskId: submitted.taskId, createdAt: Date.now() }, [submitted], run);
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
      await wasm.preflight(this.#settings, url, { ...run, onUpdate: guarded(listener) });
    }
    return url;
  }

  async #upload(file: ImageFile, run: Run, listener: Listener = warn): Promise<string> {
    const wasm = await this.#wasm(run);
    return wasm.upload(this.#settings, this.#blob(file), { ...run, onUpdate: guarded(listener) });
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
      const result = await wasm.follow(settings, ticket.taskId, ticket.createdAt, { ...run, onUpdate });
      const blob = async (options: CallOptions = {}) =>
        wasm.download(settings, ticket.taskId, result.url, options);
      // Not enumerable, so that the result stays plain data for JSON and structured clones.
      return Object.defineProperty(result, "blob", { value: blob });
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

/** Where to tell what happens before there is a task. */
type Listener = (update: EarlyUpdate) => void;

/** A base URL without a slash at its end. */
function base(url: string | URL): string {
  return String(url).replace(/\/+$/, "");
}

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

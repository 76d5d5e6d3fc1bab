import { callsMayWait, load } from "#loader";
import type { Pending } from "./attempts.js";
import { Backend } from "./backend.js";
import { type UpscaleAllOptions, type Upscaled, upscaleAll } from "./batch.js";
import { invalid, UpscaleError } from "./errors.js";
import { Job } from "./job.js";
import { callOptions, fileOf, members, reading, taskIdOf, textOf, ticketOf } from "./options.js";
import { type Order, orderOf, upscalerOptions } from "./order.js";
import { withBlob } from "./result.js";
import { inPage } from "./runtime.js";
import type { Store } from "./store.js";
import { Submissions } from "./submission.js";
import type {
  CallOptions,
  CreateTaskRequest,
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
import { early, notifyOfAll } from "./updates.js";
import type { WasmSource } from "./wasm.js";
import { type Limits, settleStore, within } from "./within.js";

/**
 * Loads the WebAssembly ahead of the first call, which would load it by itself. Once it is loaded, it stays.
 *
 * @param source Where from, or a promise of it; in workerd and Vercel's edge runtime a module. Unless given, the
 *   package's own, in the way of the runtime.
 * @throws {@link UpscaleError} of the kind `load-failed`, which is not remembered: the next call tries again.
 */
export async function preload(source?: WasmSource | PromiseLike<WasmSource>): Promise<void> {
  await load(source);
}

/** Enlarges images with Recraft's crisp upscale. */
export class Upscaler {
  readonly #backend: Backend;
  readonly #store: Store;
  readonly #submissions: Submissions;

  /** @param options The key of the API, or a gateway and its token. */
  constructor(options: UpscalerOptions) {
    const given = upscalerOptions(options);
    this.#store = given.store ?? new Map();
    this.#backend = new Backend(given, load, callsMayWait, (taskId) => this.resume(taskId));
    this.#submissions = new Submissions(this.#backend, this.#store);
    if (given.apiKey !== undefined && !given.allowsBrowser && inPage()) {
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
    if (order.listener !== undefined) void notifyOfAll(job, order.listener);
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
      return this.#job(ticketOf(ticket, this.#backend.gateway !== undefined), [], { signal, timeout });
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
    return this.#submissions.stored(callOptions({}), () => this.#submissions.attempts.list());
  }

  /** Takes a job out of the store. Its task, where there is one, goes on and is charged. */
  async forget(pending: Pick<Pending, "attempt">): Promise<void> {
    const attempt = reading("attempt", () => members(pending, "argument of forget").attempt);
    if (typeof attempt !== "string") throw invalid("This is no entry of pending(): it has no attempt.");
    await this.#submissions.stored(callOptions({}), () => this.#submissions.attempts.forget(attempt));
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
    options: UpscaleAllOptions<Image> = {},
  ): AsyncGenerator<Upscaled<Image>, void, void> {
    const { concurrency, nameOf, rest } = reading("options", () => {
      const { concurrency, idempotencyKey, ...rest } = members(options);
      return { concurrency: concurrency ?? 20, nameOf: idempotencyKey ?? undefined, rest };
    });
    if (!(typeof concurrency === "number" && concurrency >= 1)) {
      throw invalid("The concurrency must be a number, 1 or more.");
    }
    if (nameOf !== undefined && typeof nameOf !== "function") {
      throw invalid("The idempotencyKey must be a function that names each image: one name is for one task.");
    }
    // Once for all, before an image is asked for.
    const { signal } = orderOf("", rest, true).limits;
    yield* upscaleAll(images, concurrency, signal, async (image, index) => {
      if (nameOf === undefined) return this.upscale(image, rest);
      const idempotencyKey = reading("idempotencyKey", () => nameOf(image, index));
      return this.upscale(image, { ...rest, idempotencyKey });
    });
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
    const taskId = await this.#backend.call(limits, (wasm, settings, context) => {
      const idempotencyKey = this.#backend.gateway !== undefined ? wasm.attemptId() : undefined;
      return wasm.createTask(settings, { ...context, idempotencyKey }, model, image, callBackUrl);
    });
    return { taskId };
  }

  /**
   * The API's recordInfo by itself: how a task stands.
   *
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async getTask(taskId: string, options: CallOptions = {}): Promise<TaskDetail> {
    const limits = callOptions(options);
    const id = taskIdOf(taskId);
    return this.#backend.call(limits, (wasm, settings, context) => wasm.getTask(settings, context, id));
  }

  /** @internal For `receiveCallback`, which stands outside so that a page need not load it. */
  internals() {
    return { backend: this.#backend, store: this.#store, attempts: this.#submissions.attempts };
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
    const context = { ...limits, onUpdate: early() };
    const url = await this.#backend.call(context, (wasm, settings, context) =>
      wasm.upload(settings, context, blob),
    );
    return { url };
  }

  /**
   * The account's balance, in credits.
   *
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async credits(options: CallOptions = {}): Promise<number> {
    return this.#backend.call(callOptions(options), (wasm, settings, context) =>
      wasm.credits(settings, context),
    );
  }

  async #submit(order: Order): Promise<Job> {
    const { ticket, isNew, written } = await this.#submissions.submit(order);
    const updates: Update[] = isNew ? [{ state: "submitted", taskId: ticket.taskId }] : [];
    return this.#job(ticket, updates, jobLimits(order), written);
  }

  #job(
    ticket: Ticket,
    updates: Update[],
    limits: Omit<Limits, "began"> & { began?: number },
    written?: Promise<void>,
  ): Job {
    // Its errors resume this very ticket, which knows the task's age.
    const resume = () => this.resume(ticket);
    return new Job(ticket, updates, async (onUpdate) => {
      const context = {
        ...limits,
        began: limits.began ?? performance.now(),
        onUpdate: (state: string) => onUpdate({ state, taskId: ticket.taskId }),
      };
      const wasm = await within(
        context,
        () => this.#backend.load(),
        () => timedOut(ticket.taskId, resume),
      );
      // Without an attempt, an empty id is refused as any bad one.
      if (ticket.taskId === "" && this.#backend.gateway !== undefined && ticket.attempt !== undefined) {
        ticket.taskId = await this.#submissions.taskOf(ticket.attempt, ticket.createdAt, context);
        onUpdate({ state: "submitted", taskId: ticket.taskId });
      }
      const { taskId, createdAt } = ticket;
      const outcome = await wasm.watchTask(this.#backend.settings, context, taskId, createdAt);
      const failure = "failure" in outcome ? outcome.failure : undefined;
      // What is wrong with the call itself says nothing of the task, and has no task id.
      const isOver = "ok" in outcome || (failure?.taskId != null && !failure.resumable);
      if (isOver) await this.#ended(ticket, context, written);
      return withBlob(this.#backend.unwrap(outcome, resume), this.#backend);
    });
  }

  /** Takes a job out of the store, once it has ended; `written` is when the store has its task. */
  async #ended({ attempt }: Ticket, limits: Limits, written: Promise<void> | undefined): Promise<void> {
    if (attempt === undefined) return;
    const end = async () => {
      // What a slow store writes last must not be that the job goes on.
      await written?.catch(() => {});
      await this.#submissions.attempts.ended(attempt);
    };
    await settleStore(end, limits);
  }
}

/** The limits of a job, by those of the call. The timeout of {@link Upscaler.submit} begins anew when it is watched. */
function jobLimits({ limits, waits }: Order): Omit<Limits, "began"> & { began?: number } {
  const { signal, timeout, began } = limits;
  return waits ? { signal, timeout, began } : { signal, timeout };
}

/** The time was over before the WebAssembly was loaded, which would have said so itself. */
function timedOut(taskId: string, resume: () => Job): UpscaleError {
  const message = "The time is over and the task is not done. It goes on: resume it with its task id.";
  return new UpscaleError(
    {
      ...{ kind: "timeout", code: null, failCode: null, status: null, message, taskId },
      ...{ charged: "unknown", retryable: false, resumable: true },
    },
    undefined,
    resume,
  );
}

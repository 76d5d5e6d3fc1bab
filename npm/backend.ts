import type { CallContext, Outcome, Settings } from "./boundary.js";
import { UpscaleError } from "./errors.js";
import { callFetch } from "./fetch.js";
import type { Job } from "./job.js";
import { Limiter } from "./limiter.js";
import type { upscalerOptions } from "./order.js";
import { PushChannel } from "./push.js";
import { forRuntime, globalFetch, isPrerenderError } from "./runtime.js";
import { listen } from "./signal.js";
import { keptToken } from "./token.js";
import type { Load, Wasm } from "./wasm.js";
import { type Limits, within } from "./within.js";

/** What all calls of an `Upscaler` share: its settings, and the WebAssembly that they are for. */
export class Backend {
  /** The base URL of a gateway, which has a queue and knows an attempt by its key; `undefined` of the API. */
  readonly gateway: string | undefined;
  readonly settings: Settings;
  readonly load: Load;
  readonly #resume: (taskId: string) => Job;

  /**
   * @param callsMayWait whether one call may wait for another, as they do in a limiter
   * @param resume for the errors of calls whose task goes on
   */
  constructor(
    options: ReturnType<typeof upscalerOptions>,
    load: Load,
    callsMayWait: boolean,
    resume: (taskId: string) => Job,
  ) {
    const { apiKey, token, fetch } = options;
    this.load = load;
    this.#resume = resume;
    // A token is for a gateway, also where no base URL says which.
    this.gateway = apiKey === undefined && token !== undefined ? (options.baseUrl ?? "") : undefined;
    this.settings = {
      baseUrl: options.baseUrl,
      uploadBaseUrl: options.uploadBaseUrl,
      bearer:
        typeof token === "function" && this.gateway !== undefined
          ? keptToken(token)
          : (apiKey ?? String(token ?? "")),
      limiter: options.limiter ?? (this.gateway !== undefined || !callsMayWait ? undefined : new Limiter()),
      fetch: (request) =>
        fetch === undefined ? globalFetch(forRuntime(request)) : callFetch(fetch, forRuntime(request)),
      isPrerenderError,
      durations: [],
      subscribers: new PushChannel(async (sink, failures, signal) => {
        const wasm = await this.load();
        return this.unwrap(await wasm.streamEvents(this.settings, { signal }, sink, failures));
      }),
      listen,
    };
  }

  /** The WebAssembly, loaded within the limits of a call. */
  wasm(limits: Limits): Promise<Wasm> {
    return within(limits, () => this.load());
  }

  /**
   * Makes one call of the WebAssembly.
   *
   * @throws {@link UpscaleError}, or the signal's own reason.
   */
  async call<T>(
    context: CallContext & Limits,
    operation: (wasm: Wasm, settings: Settings, context: CallContext) => Promise<Outcome<T>>,
  ): Promise<T> {
    const wasm = await this.wasm(context);
    return this.unwrap(await operation(wasm, this.settings, context));
  }

  /** The value of an outcome. Its error resumes the task, where there is one, as `resume` does. */
  unwrap<T>(outcome: Outcome<T>, resume = this.#resume): T {
    if ("ok" in outcome) return outcome.ok;
    if ("aborted" in outcome) throw outcome.aborted;
    throw new UpscaleError(outcome.failure, outcome.cause, resume);
  }
}

import { invalid } from "./errors.js";
import { isLimiter } from "./limiter.js";
import { callOptions, fileOf, keyOf, listenerOf, members, reading, textOf } from "./options.js";
import type { Store } from "./store.js";
import type { EarlyUpdate, ImageSource, Update, UpscaleOptions, UpscalerOptions } from "./types.js";
import type { Limits } from "./within.js";

/** An order for one task, as the caller gave it, checked as far as it can be without the WebAssembly. */
export interface Order {
  image: string | Blob;
  callBackUrl: string | undefined;
  preflight: boolean;
  key: string | undefined;
  listener: ((update: EarlyUpdate | Update) => void) | undefined;
  limits: Limits;
  /** Whether the timeout of the call is that of the job, too. */
  waits: boolean;
}

/** What a caller wants to have upscaled, and how. From here on the caller can change nothing of it. */
export function orderOf(image: ImageSource, options: UpscaleOptions, waits: boolean): Order {
  const limits = callOptions(options);
  return reading("options", () => {
    const { onUpdate, callBackUrl, preflight, idempotencyKey } = members(options);
    return {
      image: fileOf(image) ?? textOf(image, "image"),
      callBackUrl: callBackUrl == null ? undefined : textOf(callBackUrl, "callBackUrl"),
      preflight: Boolean(preflight),
      key: keyOf(idempotencyKey),
      listener: listenerOf(onUpdate),
      limits,
      waits,
    };
  });
}

const STORE_METHODS = ["get", "set", "delete", "keys"] as const satisfies (keyof Store)[];

/** What an `Upscaler` is made with, checked as far as it can be without the WebAssembly. */
export function upscalerOptions(options: UpscalerOptions) {
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
    if (limiter != null && !isLimiter(limiter))
      throw invalid("The limiter must be a Limiter of this package.");
    return {
      apiKey: apiKey ?? undefined,
      allowsBrowser,
      token: token ?? undefined,
      baseUrl: baseUrl == null ? undefined : textOf(baseUrl, "baseUrl"),
      uploadBaseUrl: uploadBaseUrl == null ? undefined : textOf(uploadBaseUrl, "uploadBaseUrl"),
      fetch: fetch ?? undefined,
      store: store ?? undefined,
      limiter: limiter ?? undefined,
    };
  });
}

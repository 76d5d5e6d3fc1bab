import type { Limiter } from "./limiter.js";
import type { Store } from "./store.js";
import type { AskForToken } from "./token.js";

/** Where to go, and with what key. */
export type UpscalerOptions = {
  /**
   * The API, or what stands in for it: a gateway, the sandbox.
   * @defaultValue `https://api.kie.ai`
   */
  baseUrl?: string | URL;
  /**
   * Where files are uploaded to.
   * @defaultValue `https://kieai.redpandaai.co` for the API itself; where `baseUrl` is another, that one
   */
  uploadBaseUrl?: string | URL;
  /**
   * What to use in place of the runtime's `fetch`. It is called with a `Request` of the runtime's own, which the `fetch`
   * of another package may not take: pass such a one the request's parts. Of its reply is read what is there: a web
   * stream, a stream of Node, `arrayBuffer`, `blob`, `text` or `json`.
   * @defaultValue the global `fetch`, looked up at each call
   */
  fetch?: (request: Request) => Promise<Response>;
  /**
   * Where jobs under way are kept, so that a crash or a reload loses nothing that is paid for.
   * @defaultValue a `Map`, which is as long-lived as this object
   */
  store?: Store;
  /**
   * What keeps to the service's limit of 20 new tasks in 10 s, to be shared by those that use one account.
   * @defaultValue one of its own with an `apiKey`; none with a `token`, since a gateway has a queue itself; none in
   * Cloudflare Workers, where one request cannot wait for another: give one where all calls are of the same request
   */
  limiter?: Limiter;
} & (
  | {
      /** The API's key. It does not belong into a page: use a gateway and a `token` there. */
      apiKey: string;
      /**
       * Takes the key in a web page all the same, where every visitor can read it and spend the account's credits.
       * @defaultValue false: the constructor throws
       */
      dangerouslyAllowBrowser?: boolean;
      token?: never;
    }
  | {
      /**
       * A gateway's token, in the key's place, or a function that gives it. That is called at the first request, and
       * once more when the gateway answers 401.
       */
      token: string | AskForToken;
      apiKey?: never;
    }
);

/** What every call takes. */
export interface CallOptions {
  /** Ends the call at once, with the signal's own reason. A task that was made goes on. */
  signal?: AbortSignal;
  /**
   * How long to wait, in milliseconds, from 0; `Infinity` waits for ever.
   * @defaultValue 600,000 (ten minutes)
   */
  timeout?: number;
}

/**
 * An image to be upscaled: the public URL of a jpeg, png or webp of at most 10 MB, or such a file
 * itself, which is checked and uploaded first.
 */
export type ImageSource = string | URL | ImageFile;

/** The content of a jpeg, png or webp of at most 10 MB. */
export type ImageFile = Blob | ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/** What making a task takes. */
export interface SubmitOptions extends CallOptions {
  /**
   * Has the first 64 KB of an image's URL fetched before anything is sent to the API, without the key, so that
   * what the service would not take is an error and no task. Where the image cannot be fetched from
   * here, the call goes on; also where its host is still busy or has a fault (429, 5xx) after ten seconds of retries.
   * A file is always checked.
   * @defaultValue false
   */
  preflight?: boolean;
  /** Where the service posts the end of the task to. */
  callBackUrl?: string | URL;
  /**
   * A name for this call, a well-formed text of 1 to 200 characters. For 24 hours, a call of the same name goes on with the same task and makes no
   * other, within one `Upscaler` and among all that share a store with `putIfAbsent`.
   */
  idempotencyKey?: string;
}

/** What {@link Upscaler.upscale} takes. */
export interface UpscaleOptions extends SubmitOptions {
  /** Called with each update. What it throws is printed to the console and does not stop the job. */
  onUpdate?: (update: EarlyUpdate | Update) => void;
}

/** What is reported before there is a task. */
export type EarlyUpdate =
  | {
      /** The image may be too large for the service; the call goes on. Printed to the console where nobody listens. */
      state: "warning";
      /** Why, as a sentence. */
      warning: string;
      taskId?: undefined;
      result?: undefined;
    }
  | {
      /** A file is on its way. How far it is, `fetch` does not tell. */
      state: "uploading";
      taskId?: undefined;
      result?: undefined;
    }
  | {
      /** It has arrived. */
      state: "uploaded";
      /** Where it can be fetched for a day. */
      url: string;
      taskId?: undefined;
      result?: undefined;
    };

/** Where a task stands, in the vendor's words. The service may add others. */
export type TaskState = "waiting" | "queuing" | "generating" | "success" | "fail" | (string & {});

/** What a job reports on its way: each state once, and the result at the end. */
export type Update =
  | {
      /** `submitted` when the task was made, then the vendor's word for each change. */
      state: "submitted" | "waiting" | "queuing" | "generating" | (string & {});
      /** The task. */
      taskId: string;
      /** Only in the last update. */
      result?: undefined;
    }
  | {
      /** The end. */
      state: "success";
      /** The task. */
      taskId: string;
      /** What came out. */
      result: UpscaleResult;
    };

/** What comes out of an upscale. */
export interface UpscaleResult {
  /** The task. */
  taskId: string;
  /** Where the upscaled image is, until {@link expiresAt} at least. Never send the key there. */
  url: string;
  /** Its media type; `null` where its first bytes cannot be read, as where its host refuses a page. */
  type: "image/jpeg" | "image/png" | "image/webp" | null;
  /** Its width in pixels; `null` as for {@link type}. */
  width: number | null;
  /** Its height in pixels; `null` as for {@link type}. */
  height: number | null;
  /** What it cost, in credits; `null` where the service does not say. */
  credits: number | null;
  /** When the task was made, in Unix milliseconds; `null` where the service does not say. */
  createTime: number | null;
  /** When it was done, in Unix milliseconds; `null` where the service does not say. */
  completeTime: number | null;
  /**
   * Until when it can be fetched, in Unix milliseconds. An estimate, 24 hours after its end: the
   * service's documentation says 24 hours on one page and 14 days on another.
   */
  expiresAt: number;
  /**
   * Fetches the image, without the key. In JSON there is no trace of this.
   *
   * @throws {@link UpscaleError} whose `charged` is `yes`, or the signal's own reason.
   */
  blob(options?: CallOptions): Promise<Blob>;
}

/** What is to be kept of a job so that it can be resumed: plain data for `JSON.stringify`. */
export interface Ticket {
  /** The task. */
  taskId: string;
  /** When it was made, in Unix milliseconds on this machine's clock. */
  createdAt: number;
  /** The name under which it is kept in the store. */
  attempt?: string;
}

/** The body of createTask. */
export interface CreateTaskRequest {
  /** The one model that this package is for. */
  model: "recraft/crisp-upscale";
  /** Where the service posts the end of the task to. */
  callBackUrl?: string | URL;
  /** The model's input. */
  input: {
    /** The public URL of a jpeg, png or webp of at most 10 MB. */
    image: string | URL;
  };
}

/** A task's record. What the service leaves out is `null`. */
export interface TaskDetail {
  /** The task. */
  taskId: string | null;
  /** The model. */
  model: string | null;
  /** Where it stands. */
  state: TaskState;
  /** The image's URL, as it was asked for. */
  image: string | null;
  /** The files that came out; one, for this model. */
  resultUrls: string[];
  /** Why it failed: the vendor's code, a number in digits or a word. */
  failCode: string | null;
  /** Why it failed, in the vendor's words. */
  failMsg: string | null;
  /** When it was made, in Unix milliseconds. */
  createTime: number | null;
  /** When it ended, in Unix milliseconds. */
  completeTime: number | null;
  /** Credits: reserved until it has ended, true from then on. */
  creditsConsumed: number | null;
}

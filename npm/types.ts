import type { Limiter } from "./limiter.js";
import type { AskForToken } from "./token.js";

/** Where to go, and with what key. */
export type UpscalerOptions = {
  /**
   * The API, or what stands in for it: a gateway, the sandbox.
   * @defaultValue `https://api.kie.ai`
   */
  baseUrl?: string | URL;
  /**
   * What to use in place of the runtime's `fetch`. It is called with one `Request`.
   * @defaultValue the global `fetch`, looked up at each call
   */
  fetch?: (request: Request) => Promise<Response>;
  /**
   * What keeps to the service's limit of 20 new tasks in 10 s, to be shared by those that use one account.
   * @defaultValue one of its own with an `apiKey`; none with a `token`, since a gateway has a queue itself
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
   * How long to wait, in milliseconds.
   * @defaultValue 600,000 (ten minutes)
   */
  timeout?: number;
}

/** What making a task takes. */
export interface SubmitOptions extends CallOptions {
  /** Where the service posts the end of the task to. */
  callBackUrl?: string | URL;
}

/** What {@link Client.upscale} takes. */
export interface UpscaleOptions extends SubmitOptions {
  /** Called with each update. What it throws is printed to the console and does not stop the job. */
  onUpdate?: (update: Update) => void;
}

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
  /** Where the upscaled image is. The service keeps it for a day at least; never send the key there. */
  url: string;
  /** What it cost, in credits; `null` where the service does not say. */
  credits: number | null;
  /** When the task was made, in Unix milliseconds; `null` where the service does not say. */
  createTime: number | null;
  /** When it was done, in Unix milliseconds; `null` where the service does not say. */
  completeTime: number | null;
}

/** What is to be kept of a job so that it can be resumed: plain data for `JSON.stringify`. */
export interface Ticket {
  /** The task. */
  taskId: string;
  /** When it was made, in Unix milliseconds on this machine's clock. */
  createdAt: number;
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

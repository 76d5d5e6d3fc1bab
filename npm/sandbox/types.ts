/** How a sandbox behaves. Everything has a default. */
export interface SandboxOptions {
  /**
   * The one API key that is accepted.
   * @defaultValue "sandbox"
   */
  key?: string;
  /**
   * The balance at the start, in credits.
   * @defaultValue 100
   */
  credits?: number;
  /**
   * What a task costs, in credits.
   * @defaultValue 0.5, as at the real service
   */
  price?: number;
  /**
   * How many times wider and higher a result is, a whole number from 1 to 255. Of images whose
   * result would exceed 64 megapixels it is less, as far as they need it.
   * @defaultValue 4
   */
  factor?: number;
  /**
   * The least time that a task spends in each state, in milliseconds. It is `generating` for
   * longer where fetching and enlarging the image take longer.
   * @defaultValue 500, 500 and 1000
   */
  delays?: { waiting?: number; queuing?: number; generating?: number };
  /**
   * For how long a new task answers `recordInfo is null`, in milliseconds. At the real service
   * it may be up to 90 s.
   * @defaultValue 200
   */
  gracePeriod?: number;
  /**
   * Signs callbacks.
   * @defaultValue none: they are not signed
   */
  webhookHmacKey?: string;
  /**
   * Fetches images, and sends callbacks. It is called with one `Request`.
   * @defaultValue the global `fetch`, looked up at each call
   */
  fetch?: (request: Request) => Promise<Response>;
  /**
   * The clock that states, limits and expiry follow: Unix milliseconds, never less than before.
   * A callback that is due is sent at the next request, if the clock is not the real one.
   * @defaultValue `Date.now`
   */
  now?: () => number;
}

/**
 * A stand-in for kie.ai's jobs API with the model `recraft/crisp-upscale`. Nothing is billed, and
 * its resampling is not Recraft's model.
 */
export interface Sandbox {
  /**
   * Answers a request as the API would, whatever origin it is made to; the URLs in the answer
   * begin with that origin. Needs no `this`.
   *
   * @throws TypeError, as a `fetch` would, where a fault drops the connection.
   */
  fetch(request: Request): Promise<Response>;
  /** Ends its worker, its timers and its own requests. What is under way stays as it is. */
  close(): Promise<void>;
}

/**
 * A fault to come. A list of them, as JSON, is the body of `POST /sandbox/faults`; it replaces
 * those that are left, so an empty list ends them. They befall the requests to a route in the
 * order of the list.
 *
 * - `html`: a proxy's error page, with status 502 unless `status` says otherwise.
 * - `broken`: JSON that breaks off.
 * - `code`: the API's envelope with `code` (500 unless set) and `msg`. Of a `task`: it fails with them.
 * - `status`: no body, with `status` (500 unless set).
 * - `lose`: the request is taken (a task made and billed) and its reply never arrives: `fetch`
 *   rejects, and a server drops the connection. Of a `callback`: it never comes.
 * - `refuse`: the same, but the request is not taken.
 * - `slow`: the reply comes `ms` later. Of a `task`: it is `generating` for so much longer. Of a
 *   `callback`: it comes so much later.
 * - `duplicate`: a `callback` comes twice.
 */
export interface Fault {
  /** What is to go wrong: a route, named by the last part of its path; a new task; a callback. */
  route:
    | "createTask"
    | "recordInfo"
    | "credit"
    | "download-url"
    | "file-base64-upload"
    | "file-stream-upload"
    | "file-url-upload"
    | "files"
    | "task"
    | "callback";
  /** How. */
  kind: "html" | "broken" | "code" | "status" | "lose" | "refuse" | "slow" | "duplicate";
  /**
   * How often.
   * @defaultValue 1
   */
  times?: number;
  /** The HTTP status of `html`, `broken`, `code` and `status`. */
  status?: number;
  /** Their `Retry-After` header: seconds, or a date. */
  retryAfter?: number | string;
  /**
   * Whether the request has its effect although it is answered like this.
   * @defaultValue false
   */
  taken?: boolean;
  /** For `code`. */
  code?: number;
  /** For `code`. */
  msg?: string;
  /** For `slow`, in milliseconds. */
  ms?: number;
}

/** What `GET /sandbox/ledger` answers, as JSON. Amounts are in credits, times in Unix milliseconds. */
export interface Ledger {
  /** What is left to spend. */
  credits: number;
  /** What is held back for tasks that have not ended. */
  reserved: number;
  /** Every task that was made, in order. */
  tasks: {
    taskId: string;
    /** `input.image`, as it was sent. */
    image: string;
    /** As `recordInfo` says it. */
    state: "waiting" | "queuing" | "generating" | "success" | "fail";
    /** What was billed: the price after a success, else 0. */
    charged: number;
    createTime: number;
    completeTime: number | null;
    failMsg: string | null;
    /** How many callbacks were sent. */
    callbacks: number;
  }[];
  /** How many requests reached each route, named as in {@link Fault.route}; CORS preflights are left out. */
  requests: Partial<Record<Fault["route"], number>>;
  /** How many requests for a file came with an `Authorization` header. There should be none. */
  keysSentToFiles: number;
}

// @ts-check
// What JavaScript alone can say: what a value is, and how promises, timers, signals and streams end. Nothing
// here decides anything, and nothing throws: an exception that goes through the WebAssembly leaves the promise
// of its call pending for ever.

/** The longest time that `setTimeout` takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** A timer that is so late was asleep, and how much longer it runs then, in milliseconds. */
const LATE = 5_000;
const GRACE = 1_000;

/** No reply of the API is longer, in bytes; what is longer is read no further. */
const LONGEST_REPLY = 2 ** 20;

/**
 * A value's member; `undefined` where there is none, or it cannot be read.
 *
 * @param {any} value
 * @param {string} name
 */
export function get(value, name) {
  try {
    return Object(value) === value ? (value[name] ?? undefined) : undefined;
  } catch {}
}

/**
 * What a text means as JSON; `undefined` where it is none, and 0 where it is null.
 *
 * @param {string} text
 */
export function parse(text) {
  try {
    return JSON.parse(text) ?? 0;
  } catch {}
}

/**
 * A number; NaN where it is something else.
 *
 * @param {unknown} value
 */
export function number(value) {
  return typeof value === "number" ? value : Number.NaN;
}

/**
 * A member that is a text.
 *
 * @param {any} value
 * @param {string} name
 */
export function textAt(value, name) {
  const text = get(value, name);
  return typeof text === "string" ? text : undefined;
}

/**
 * A member that is a number; NaN where it is not.
 *
 * @param {any} value
 * @param {string} name
 */
export function numberAt(value, name) {
  return number(get(value, name));
}

/**
 * Whether this is an object, and no array.
 *
 * @param {unknown} value
 */
export function isObject(value) {
  return Object(value) === value && !Array.isArray(value);
}

/**
 * A text as JSON.
 *
 * @param {string} text
 */
export function quote(text) {
  return JSON.stringify(text);
}

/**
 * A text as a part of a URL.
 *
 * @param {string} text
 */
export function encode(text) {
  // Half of a surrogate pair, which encodeURIComponent throws at, becomes U+FFFD as in every URL.
  return encodeURIComponent(new TextDecoder().decode(new TextEncoder().encode(text)));
}

/** 128 random bits, as letters and digits. Not `randomUUID`, which a page has only where it came by https. */
export function random() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * A form with a file and what it is called; `undefined` where the file cannot be read.
 *
 * @param {string} path
 * @param {string} name
 * @param {string} type
 * @param {Blob} file
 */
export function form(path, name, type, file) {
  try {
    const form = new FormData();
    form.append("uploadPath", path);
    form.append("fileName", name);
    // Typed by what it is, and not by what the caller's file claims to be. No copy is made.
    form.append("file", file.slice(0, file.size, type), name);
    return form;
  } catch {}
}

/**
 * A request has ended that the limiter counts: whoever waits for that looks again.
 *
 * @param {any} limiter
 */
export function wake(limiter) {
  limiter.wake?.();
}

/** Whether this is Node or one that is like it, whose FormData reads a file while it is sent. */
const READS_WHILE_SENDING = Boolean(/** @type {any} */ (globalThis).process?.versions?.node);

/**
 * Whether this is a Blob of the runtime itself, of whatever realm; not one that another package has written.
 *
 * @param {any} file
 */
function isNativeBlob(file) {
  const size = Object.getOwnPropertyDescriptor(Blob.prototype, "size")?.get;
  if (!size) return file instanceof Blob;
  try {
    size.call(file);
    return true;
  } catch {
    return false;
  }
}

/**
 * A header of a reply; a mock may have a plain object of them.
 *
 * @param {any} headers
 * @param {string} name
 */
function headerOf(headers, name) {
  const value = typeof headers?.get === "function" ? headers.get(name) : headers?.[name];
  return typeof value === "string" ? value : null;
}

/**
 * Reads a body chunk by chunk: a web stream, or, as of other packages' `fetch`, a stream of Node or an async iterable.
 *
 * @param {any} body
 * @returns {{ read(): Promise<{ done?: boolean, value?: any }>, cancel(): Promise<unknown> } | undefined}
 */
function readerOf(body) {
  if (typeof body?.getReader === "function") return body.getReader();
  const chunks = body?.[Symbol.asyncIterator]?.();
  return (
    chunks && {
      read: async () => {
        const { done, value } = await chunks.next();
        return { done, value: typeof value === "string" ? new TextEncoder().encode(value) : value };
      },
      cancel: async () => chunks.return?.(),
    }
  );
}

/**
 * The ways to have a reply's content where its body is no stream.
 *
 * @type {((response: any) => Promise<Blob>)[]}
 */
const WHOLE = [
  async (response) => new Blob([await response.arrayBuffer()]),
  async (response) => new Blob([await (await response.blob()).arrayBuffer()]),
  async (response) => {
    const text = await response.text();
    if (typeof text !== "string") throw new TypeError("The reply's text is no string.");
    return new Blob([text]);
  },
  async (response) => new Blob([JSON.stringify(await response.json())]),
];

/**
 * The content of a reply whose body is no stream; empty where there is nothing to read it with.
 *
 * @param {any} response
 */
async function wholeOf(response) {
  const { body } = response;
  if (typeof body === "string" || ArrayBuffer.isView(body)) return new Blob([/** @type {any} */ (body)]);
  /** @type {unknown} */
  let failed;
  for (const [index, name] of ["arrayBuffer", "blob", "text", "json"].entries()) {
    if (typeof response[name] !== "function") continue;
    try {
      return await WHOLE[index]?.(response);
    } catch (error) {
      failed ??= error;
    }
  }
  if (failed !== undefined) throw failed;
}

/**
 * A reply's content as a Blob of the runtime's own.
 *
 * @param {any} response
 */
async function blobOf(response) {
  const blob = await response.blob?.();
  if (blob && isNativeBlob(blob)) return blob;
  const type = headerOf(response.headers, "content-type") ?? "";
  if (blob) return new Blob([await blob.arrayBuffer()], { type });
  const hasStream = response.body?.getReader ?? response.body?.[Symbol.asyncIterator];
  const whole = hasStream ? (await read(response, Number.MAX_SAFE_INTEGER)).bytes : await wholeOf(response);
  if (!whole) throw new TypeError("The reply has nothing to read it with.");
  return new Blob([whole], { type });
}

/**
 * A reply's first bytes, `limit` at most.
 *
 * @param {any} response
 * @param {number} limit
 */
async function read(response, limit) {
  const reader = readerOf(response.body);
  if (!reader) {
    const whole = (await wholeOf(response)) ?? new Blob();
    const bytes = new Uint8Array(await whole.slice(0, limit).arrayBuffer());
    return { bytes, whole: whole.size <= limit };
  }
  const chunks = [];
  let room = limit;
  while (room >= 0) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value.subarray(0, room));
    room -= value.length;
  }
  // A `fetch` that knows nothing of the signal would read on.
  if (room < 0) reader.cancel().catch(() => {});
  return { bytes: new Uint8Array(await new Blob(chunks).arrayBuffer()), whole: room >= 0 };
}

/**
 * One call: whom it asks, and what it waits for.
 *
 * A promise of its methods is fulfilled with what came, with `{ error }` where the runtime said why nothing will, and
 * with `undefined` where the time was over first. It is rejected at once with the reason of the caller's own signal.
 */
export class Call {
  /** @type {any} */
  #settings;
  /** @type {any} */
  #run;
  /** @type {(() => void) | undefined} Ends what is waited for now. */
  #end;
  /** @type {AbortController | undefined} Ends the request under way; after its end it does nothing. */
  #cut;
  /** @type {ReturnType<typeof readerOf>} */
  #reader;
  /** @type {TextDecoder | undefined} Of the stream: most calls have none, and it is large. */
  #decoder;
  /** @type {any} Hears what the server pushes of the task. */
  #ear;
  /** @type {(() => void) | undefined} Gives up the place in the limiter's queue. */
  #place;

  /**
   * @param {any} settings what `npm/` made of an `Upscaler`'s options
   * @param {any} run what the call itself may say
   */
  constructor(settings, run) {
    this.#settings = settings;
    this.#run = run;
  }

  /**
   * The caller's signal is never given to `fetch`: what that rejects with is then the caller's reason on some
   * runtimes and another error on others.
   *
   * @template T
   * @param {number} ms
   * @param {() => Promise<T>} work
   * @returns {Promise<T | { error: unknown } | undefined>}
   */
  #within(ms, work) {
    const { signal } = this.#run;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (ms <= 0) return resolve(undefined);
      const until = performance.now() + ms;
      let timer = setTimeout(
        () => {
          // Asleep with its tab or machine: what came meanwhile has its turn first.
          if (performance.now() - until > LATE) timer = setTimeout(() => end(), GRACE);
          else end();
        },
        Math.min(ms, LONGEST),
      );
      const end = (/** @type {T | { error: unknown } | undefined} */ value = undefined) => {
        clearTimeout(timer);
        leave?.();
        resolve(value);
      };
      const leave =
        signal &&
        this.#settings.listen(signal, () => {
          reject(signal.reason);
          end();
        });
      this.#end = end;
      work().then(end, (error) => end({ error }));
    });
  }

  /** The signal of the request that is to be built. */
  cut() {
    this.#cut = new AbortController();
    return this.#cut.signal;
  }

  /** The request under way is over: whatever is left of it keeps no connection, and a job that waits keeps none of it. */
  #release() {
    this.#cut?.abort();
    this.#cut = undefined;
  }

  /**
   * Sends a request and reads what comes: a reply's text, or bytes, a blob or a stream where these are wanted.
   *
   * @param {Request} request
   * @param {number} ms
   * @param {number} want how many bytes at most; 0: a text; -1: a stream where it is one, and else a text; -2: a blob
   */
  async exchange(request, ms, want) {
    const came = await this.#within(ms, async () => {
      let response;
      try {
        response = await this.#settings.fetch(request);
      } catch (error) {
        // See npm/fetch.ts.
        const { unread, threw } = Object(error);
        return unread ? { error: unread.error, unread, threw } : { error };
      }
      const header = (/** @type {string} */ name) => headerOf(response.headers, name);
      const retryAfter = header("retry-after");
      const came = {
        // A caller's `fetch` may give anything.
        status: response.status ?? 0,
        retryAfter,
        // In its second form, a date, what is left until then.
        retryIn: Date.parse(String(retryAfter)) - Date.now(),
        type: header("content-type"),
        length: header("content-length"),
        range: header("content-range"),
      };
      if (want === -1 && came.type?.startsWith("text/event-stream")) {
        this.#reader = readerOf(response.body);
        if (!this.#reader) return { error: new TypeError("The reply has no stream to read.") };
        this.#decoder = new TextDecoder();
        return came;
      }
      const isFile = came.status >= 200 && came.status < 300;
      if (want === -2) return isFile ? { ...came, blob: await blobOf(response) } : came;
      const { bytes, whole } = await read(response, want > 0 ? want : LONGEST_REPLY);
      if (want > 0) return { ...came, bytes };
      const text = whole ? new TextDecoder().decode(bytes) : "";
      return { ...came, text, body: parse(text) };
    });
    if (!this.#reader) this.#release();
    // Next.js must get this very error; nothing was sent.
    const error = get(came, "error");
    if (this.#settings.isPrerenderError?.(error)) throw error;
    return came;
  }

  /**
   * The text of the next of a stream's chunks, which may be empty.
   *
   * @param {number} ms
   */
  chunk(ms) {
    return this.#within(ms, async () => {
      const chunk = await this.#reader?.read();
      return chunk?.value && this.#decoder?.decode(chunk.value, { stream: true });
    });
  }

  /**
   * The key or token; asks for it where it has to be asked for. `refused` is one that the server did not take.
   *
   * @param {string | undefined} refused
   * @param {number} ms
   */
  bearer(refused, ms) {
    const { bearer } = this.#settings;
    return this.#within(ms, async () => (typeof bearer === "string" ? bearer : bearer(refused)));
  }

  /**
   * A part of a file.
   *
   * @param {Blob} file
   * @param {number} from
   * @param {number} to
   * @param {number} ms
   */
  bytes(file, from, to, ms) {
    return this.#within(ms, async () => new Uint8Array(await file.slice(from, to).arrayBuffer()));
  }

  /**
   * A file as the runtime can send it: itself where it is a Blob of the runtime's own. In Node it is read first, since
   * its FormData (in Node 24) throws where nobody can catch it when a file on disk has changed meanwhile.
   *
   * @param {Blob} file
   * @param {number} ms
   */
  content(file, ms) {
    return this.#within(ms, async () => {
      const isSafe = isNativeBlob(file) && !READS_WHILE_SENDING;
      return { file: isSafe ? file : new Blob([await file.arrayBuffer()]) };
    });
  }

  /**
   * Waits; where the server pushes news of the task, for these: a message, 1 for listening, 2 for broken. At
   * the beginning of all time it does not wait: 0 where there are no news yet.
   *
   * @param {number} ms
   * @param {string | undefined} taskId
   */
  async wait(ms, taskId) {
    this.#ear ??= taskId && this.#settings.events?.join(taskId);
    const ear = this.#ear;
    const until = performance.now() + ms;
    for (;;) {
      const heard = ear?.take();
      if (heard !== undefined) return heard;
      if (ms < -1e9) return 0;
      // More than once where a timer fires early, as Node's may, or cannot go so far.
      const left = until - performance.now();
      if (left <= 0) return;
      await this.#within(left, () => (ear ? ear.woken() : new Promise(() => {})));
    }
  }

  /**
   * Waits in the limiter's queue until those who came before are through.
   *
   * @param {any} limiter
   * @param {number} ms
   */
  queue(limiter, ms) {
    const before = limiter.tail;
    const own = new Promise((resolve) => {
      this.#place = () => resolve(undefined);
    });
    limiter.tail = Promise.all([before, own]);
    return this.#within(ms, async () => {
      await before;
      return true;
    });
  }

  /** Lets the next one in the limiter's queue have its turn. */
  through() {
    this.#place?.();
  }

  /**
   * Waits until a request that the limiter counts has ended.
   *
   * @param {any} limiter
   * @param {number} ms
   */
  ended(limiter, ms) {
    return this.#within(
      ms,
      () =>
        new Promise((resolve) => {
          limiter.wake = resolve;
        }),
    );
  }

  /**
   * The server said where it pushes, under the base URL.
   *
   * @param {string} path
   */
  pushes(path) {
    const { events } = this.#settings;
    if (events) events.path = path;
  }

  /**
   * Hands out an update.
   *
   * @param {string} state
   * @param {string} of the task, or what else there is to say of it
   */
  tell(state, of) {
    this.#run.onUpdate?.(state, of);
  }

  /** Whether the caller has aborted it. */
  aborted() {
    return Boolean(this.#run.signal?.aborted);
  }

  /** Nothing that the server pushes is of interest any more. */
  deafen() {
    if (this.#ear) this.#settings.events.leave(this.#ear);
    this.#ear = undefined;
  }

  /** It is over, or nobody waits for it any longer. */
  leave() {
    this.#end?.();
    this.#release();
    this.#reader?.cancel().catch(() => {});
    this.through();
    this.deafen();
  }
}

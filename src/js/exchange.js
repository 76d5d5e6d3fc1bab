// @ts-check
// Sends one request and reads its response: one of the runtime's own `fetch`, of another package's, or of a mock.

/** The longest response of the API that is read, in bytes. */
const MAX_RESPONSE = 2 ** 20;

/** What of a response is wanted: the API's text, a stream of events, the first bytes of a file, or all of it. */
/** @typedef {"text" | "events" | "head" | "file"} Expected */

/**
 * A response. Of `text`, `reader`, `bytes` and `blob` it has what was expected; with a status that is no success
 * a file has none.
 *
 * @typedef {object} Received
 * @property {number} status
 * @property {string | null} retryAfter
 * @property {number} retryIn `Retry-After` in its second form, a date: how long it is until then, in milliseconds
 * @property {string | null} type
 * @property {string | null} length
 * @property {string | null} range
 * @property {string} [text]
 * @property {EventReader} [reader]
 * @property {Uint8Array} [bytes]
 * @property {Blob} [blob]
 */

/**
 * @param {import("./waits.js").Waits} waits
 * @param {(request: Request) => Promise<Response>} fetch
 * @param {Request} request
 * @param {number} ms
 * @param {Expected} expected
 * @param {number} limit how many bytes of a `head` at most
 */
export function exchange(waits, fetch, request, ms, expected, limit) {
  return waits.within(ms, async () => {
    const response = await fetch(request);
    const header = (/** @type {string} */ name) => headerOf(response.headers, name);
    const retryAfter = header("retry-after");
    /** @type {Received} */
    const received = {
      // A caller's `fetch` may return anything.
      status: response.status ?? 0,
      retryAfter,
      retryIn: Date.parse(String(retryAfter)) - Date.now(),
      type: header("content-type"),
      length: header("content-length"),
      range: header("content-range"),
    };
    if (expected === "events" && received.type?.startsWith("text/event-stream")) {
      const reader = readerOf(response.body);
      if (!reader) throw new TypeError("The response has no stream to read.");
      return { ...received, reader: new EventReader(reader) };
    }
    if (expected === "file") {
      const isFile = received.status >= 200 && received.status < 300;
      return isFile ? { ...received, blob: await blobOf(response) } : received;
    }
    const { bytes, whole } = await firstBytes(response, expected === "head" ? limit : MAX_RESPONSE);
    if (expected === "head") return { ...received, bytes };
    return { ...received, text: whole ? new TextDecoder().decode(bytes) : "" };
  });
}

/** Reads the text of an event stream. */
class EventReader {
  /** @type {Reader} */
  #reader;
  #decoder = new TextDecoder();

  /** @param {Reader} reader */
  constructor(reader) {
    this.#reader = reader;
  }

  /**
   * The next text, which may be empty; `undefined` at the end.
   *
   * @param {import("./waits.js").Waits} waits
   * @param {number} ms
   */
  read(waits, ms) {
    return waits.within(ms, async () => {
      const { value } = await this.#reader.read();
      return value && this.#decoder.decode(value, { stream: true });
    });
  }

  cancel() {
    this.#reader.cancel().catch(() => {});
  }
}

/**
 * The key, or the token of a gateway.
 *
 * @param {import("./waits.js").Waits} waits
 * @param {string | ((refused?: string) => Promise<string>)} bearer
 * @param {string | undefined} refused a token that the server did not accept
 * @param {number} ms
 */
export function token(waits, bearer, refused, ms) {
  return waits.within(ms, () => (typeof bearer === "string" ? bearer : bearer(refused)));
}

/** @typedef {{ read(): Promise<{ done?: boolean, value?: any }>, cancel(): Promise<unknown> }} Reader */

/**
 * A header of a response; a mock may have a plain object of them.
 *
 * @param {any} headers
 * @param {string} name
 * @returns {string | null}
 */
function headerOf(headers, name) {
  const value = typeof headers?.get === "function" ? headers.get(name) : headers?.[name];
  return typeof value === "string" ? value : null;
}

/**
 * Reads a body chunk by chunk: a web stream, or, as of other packages' `fetch`, a stream of Node or an async iterable.
 *
 * @param {any} body
 * @returns {Reader | undefined}
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
 * A response's first bytes, `limit` at most, and whether these are all.
 *
 * @param {any} response
 * @param {number} limit
 */
async function firstBytes(response, limit) {
  const reader = readerOf(response.body);
  if (!reader) {
    const whole = (await withoutStream(response)) ?? new Blob();
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
  // A `fetch` that does not know the signal would read on.
  if (room < 0) reader.cancel().catch(() => {});
  return { bytes: new Uint8Array(await new Blob(chunks).arrayBuffer()), whole: room >= 0 };
}

/**
 * A response's content as a Blob of the runtime's own.
 *
 * @param {any} response
 */
async function blobOf(response) {
  if (response instanceof Response) return response.blob();
  const type = headerOf(response.headers, "content-type") ?? "";
  const hasStream = response.body?.getReader ?? response.body?.[Symbol.asyncIterator];
  const content = hasStream
    ? (await firstBytes(response, Number.MAX_SAFE_INTEGER)).bytes
    : await withoutStream(response);
  if (!content) throw new TypeError("The response has nothing to read it with.");
  return new Blob([content], { type });
}

/**
 * The ways to read a response that has no stream.
 *
 * @type {Record<string, (response: any) => Promise<Blob>>}
 */
const READERS = {
  arrayBuffer: async (response) => new Blob([await response.arrayBuffer()]),
  blob: async (response) => new Blob([await (await response.blob()).arrayBuffer()]),
  text: async (response) => {
    const text = await response.text();
    if (typeof text !== "string") throw new TypeError("The response's text is no string.");
    return new Blob([text]);
  },
  json: async (response) => new Blob([JSON.stringify(await response.json())]),
};

/**
 * The content of a response that has no stream; `undefined` where there is nothing to read it with.
 *
 * @param {any} response
 */
async function withoutStream(response) {
  const { body } = response;
  if (typeof body === "string" || ArrayBuffer.isView(body)) return new Blob([/** @type {any} */ (body)]);
  /** @type {unknown} */
  let failed;
  for (const [name, read] of Object.entries(READERS)) {
    if (typeof response[name] !== "function") continue;
    try {
      return await read(response);
    } catch (error) {
      failed ??= error;
    }
  }
  if (failed !== undefined) throw failed;
}

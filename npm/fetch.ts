import { isPrerenderError } from "./runtime.js";

/** What the caller gives in place of the runtime's `fetch`. */
type Fetch = (request: Request) => Promise<Response>;

/** A `fetch` failed and has not read the request. */
class UnreadRequest extends Error {
  /** What it threw. */
  readonly unread: { error: unknown };
  /** Whether it threw at once, in place of giving a promise that rejects. */
  readonly threw: true | undefined;

  constructor(error: unknown, threw: boolean) {
    super("The request was not read.");
    this.unread = { error };
    this.threw = threw || undefined;
  }
}

/**
 * Calls the caller's own `fetch`. Where it fails and has not read the request, the error says so: a `fetch` of
 * another package may not know this runtime's `Request`, and then nothing was sent. What that proves is decided in
 * core/src/fetch_option.rs.
 */
export async function callFetch(fetch: Fetch, request: Request): Promise<Response> {
  // A clone can be read without the request itself being read.
  let cloned = false;
  Object.defineProperty(request, "clone", {
    configurable: true,
    writable: true,
    value: () => {
      cloned = true;
      return Request.prototype.clone.call(request);
    },
  });
  let threw = true;
  try {
    const response = fetch(request);
    threw = false;
    return await response;
  } catch (error) {
    throw cloned || request.bodyUsed || isPrerenderError(error) ? error : new UnreadRequest(error, threw);
  }
}

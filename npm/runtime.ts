/** The globals that tell one runtime from another. */
const runtime = globalThis as {
  Deno?: unknown;
  process?: { versions?: { node?: string } };
  document?: unknown;
  importScripts?: unknown;
};

/**
 * Whether this is a web page or a worker of one, whose visitors can read all that it knows. Not so
 * where Node, Bun or Deno run it, whatever a test environment such as jsdom pretends.
 */
export function inPage(): boolean {
  const { Deno, process, document, importScripts } = runtime;
  if (Deno !== undefined || process?.versions?.node !== undefined) return false;
  return document !== undefined || typeof importScripts === "function";
}

/**
 * The request as it is to be sent. Deno sends a POST again by itself when its reply is lost on a
 * connection that was used before, unless the body is a stream that was not made of a text.
 */
export function forRuntime(request: Request): Request {
  // In a page the body is not so much as looked at: WebKit begins to read a form then, and fails to send it.
  if (inPage()) return request;
  // For a `fetch` option that calls the global one; see globalFetch().
  if (inNext() && request.body === null) return new Request(request, { keepalive: true });
  if (runtime.Deno === undefined || request.body === null) return request;
  const init: RequestInit & { duplex: "half" } = {
    body: request.body.pipeThrough(new TransformStream()),
    duplex: "half",
  };
  return new Request(request, init);
}

/** Whether Next.js has replaced the global `fetch`, which it does on servers only. */
function inNext(): boolean {
  return "__nextPatched" in globalThis.fetch;
}

/**
 * Sends a request with the global `fetch`, past the caches of frameworks.
 *
 * React and Next.js deduplicate the GET requests of one render, whatever `cache` says. They leave out a request with a
 * signal in the second argument, except for Next.js 16, which leaves out one with `keepalive`. Next.js 14 reads `cache`
 * only there when it prerenders, where it refuses to send what is not cacheable. A page gets none of these: `keepalive`
 * limits number and size there, and such requests outlive the page.
 */
export function globalFetch(request: Request): Promise<Response> {
  if (inPage()) return globalThis.fetch(request);
  const { signal, body } = request;
  // POST requests are never deduplicated, and a body that is streamed may not be `keepalive`.
  if (inNext()) return globalThis.fetch(request, { signal, cache: "no-store", keepalive: body === null });
  return body === null ? globalThis.fetch(request, { signal }) : globalThis.fetch(request);
}

/** What Next.js throws, as `digest` or `code`, in place of sending a request while it prerenders a page. */
const PRERENDER_ERRORS: unknown[] = [
  "DYNAMIC_SERVER_USAGE",
  "NEXT_STATIC_GEN_BAILOUT",
  "HANGING_PROMISE_REJECTION",
];

/**
 * Whether a `fetch` failed with the error with which that of Next.js refuses to send a request while it prerenders.
 * Nothing was sent then, and Next.js must get this very error.
 */
export function isPrerenderError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { digest, code } = error as { digest?: unknown; code?: unknown };
  return PRERENDER_ERRORS.includes(digest) || PRERENDER_ERRORS.includes(code);
}

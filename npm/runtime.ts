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
  if (runtime.Deno === undefined || request.body === null) return request;
  const init: RequestInit & { duplex: "half" } = {
    body: request.body.pipeThrough(new TransformStream()),
    duplex: "half",
  };
  return new Request(request, init);
}

import type { Ledger, Sandbox, SandboxOptions } from "./types.js";

/** Where a client listens to what is pushed. */
const EVENTS = "/api/v1/jobs/events";

/** How often the ledger is read while a stream is open, in milliseconds. */
const INTERVAL = 5;

/** So that a task is done as soon as its pixels are. */
export const AT_ONCE: SandboxOptions = {
  delays: { waiting: 0, queuing: 0, generating: 0 },
  gracePeriod: 0,
};

/**
 * The same sandbox, which also pushes: its replies name an event stream, as a gateway's do. A client then waits for a
 * message and not for its next poll.
 */
export function pushing(sandbox: Sandbox): Sandbox {
  return {
    async fetch(request) {
      const url = new URL(request.url);
      if (url.pathname === EVENTS) return streamOf(sandbox, request, url);
      return withEvents(await sandbox.fetch(request));
    },
    close: () => sandbox.close(),
  };
}

/** Names the stream in a reply of the jobs API, where the reply has a task. */
async function withEvents(response: Response): Promise<Response> {
  if (!response.headers.get("content-type")?.startsWith("application/json")) return response;
  const text = await response.text();
  const { status, headers } = response;
  return new Response(named(text), { status, headers });
}

function named(text: string): string {
  try {
    const envelope = JSON.parse(text);
    if (typeof envelope.data?.taskId !== "string") return text;
    return JSON.stringify({ ...envelope, data: { ...envelope.data, events: EVENTS } });
  } catch {
    // JSON that breaks off, as a fault asked.
    return text;
  }
}

/** A stream of what recordInfo answers for each task: first as it is, then at every change, to its end. */
function streamOf(sandbox: Sandbox, request: Request, url: URL): Response {
  const waiting = new Map(url.searchParams.getAll("taskId").map((taskId) => [taskId, ""]));
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ask = async (path: string) => {
    const { headers } = request;
    return (await sandbox.fetch(new Request(`${url.origin}${path}`, { headers }))).text();
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      // Until there is something to say, or nothing more.
      while (waiting.size > 0) {
        const { tasks }: Ledger = JSON.parse(await ask("/sandbox/ledger"));
        const changed = [...waiting].filter(([id, known]) => stateOf(tasks, id) !== known);
        for (const [id] of changed) {
          const state = stateOf(tasks, id);
          if (state === "success" || state === "fail" || state === UNKNOWN) waiting.delete(id);
          else waiting.set(id, state);
          const answer = named(await ask(`/api/v1/jobs/recordInfo?taskId=${encodeURIComponent(id)}`));
          controller.enqueue(encoder.encode(`event: ${id}\ndata: ${answer}\n\n`));
        }
        if (changed.length > 0) return;
        await new Promise((resolve) => {
          timer = setTimeout(resolve, INTERVAL);
        });
      }
      controller.close();
    },
    cancel() {
      clearTimeout(timer);
      waiting.clear();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** Of a task that the sandbox did not make. */
const UNKNOWN = "unknown";

function stateOf(tasks: Ledger["tasks"], taskId: string): string {
  return tasks.find((task) => task.taskId === taskId)?.state ?? UNKNOWN;
}

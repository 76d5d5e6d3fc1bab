import { type Bytes, read } from "../bytes.js";
import type * as Wasm from "../wasm/crisp_upscale_sandbox.js";
import { Pixels, type StartWorker } from "./pixels.js";
import { toEvent } from "./request.js";
import type { SandboxEvent, Source, Turn, Work } from "./turn.js";
import type { Sandbox, SandboxOptions } from "./types.js";

/** How long fetching an image may take, in milliseconds. */
const FETCH_TIMEOUT = 30_000;
/** How long a callback's receiver has to answer, in milliseconds. */
const CALLBACK_TIMEOUT = 15_000;
/** The longest time that a timer takes, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;

/** What each runtime does in its own way. */
export interface Platform {
  /** Loads the WebAssembly, once. */
  load(): Promise<typeof Wasm>;
  startWorker: StartWorker;
}

/** Does for the Rust crate what it cannot: wait, fetch, and hand pixels to a thread. */
export function createHost(options: SandboxOptions, platform: Platform): Sandbox {
  const { fetch: send = (request: Request) => globalThis.fetch(request), now = Date.now, ...set } = options;
  const settings = JSON.stringify({ ...set, seed: crypto.randomUUID() });
  const pixels = new Pixels(platform.startWorker);
  const closing = new AbortController();
  let core: Wasm.Sandbox | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function load(): Promise<Wasm.Sandbox> {
    const wasm = await platform.load();
    core ??= make(wasm);
    return core;
  }

  function make(wasm: typeof Wasm): Wasm.Sandbox {
    try {
      return new wasm.Sandbox(settings);
    } catch (error) {
      throw typeof error === "string" ? new TypeError(`createSandbox: ${error}`) : error;
    }
  }

  /** Tells the crate what happened, and begins what follows. */
  function turn(core: Wasm.Sandbox, event: SandboxEvent, bytes = new Uint8Array()) {
    const [json, body] = core.handle(JSON.stringify(event), bytes, now()) as [
      string,
      Uint8Array<ArrayBuffer>,
    ];
    const { reply, work, wakeAt }: Turn = JSON.parse(json);
    if (!closing.signal.aborted) {
      for (const item of work) void begin(core, item);
      wake(core, wakeAt);
    }
    return { reply, work, body };
  }

  async function begin(core: Wasm.Sandbox, work: Work): Promise<void> {
    if (work.type === "enlarge") {
      const { task, source, factor } = work;
      const file = await obtain(core, source);
      const { outcome, file: result } =
        file === undefined
          ? { outcome: { kind: "unreachable" as const } }
          : "tooLarge" in file
            ? { outcome: { kind: "tooLarge" as const } }
            : await pixels.enlarge({ file: file.bytes, factor });
      turn(core, { type: "enlarged", task, outcome }, result);
    } else if (work.type === "callback") {
      const { task, url, headers, body } = work;
      turn(core, { type: "calledBack", task, answered: await callBack(url, headers, body) });
    }
  }

  /** One of the sandbox's own files, or what a URL gives; `undefined` where that is nothing. */
  async function obtain(core: Wasm.Sandbox, { url, path, limit }: Source): Promise<Bytes | undefined> {
    if (path !== null) {
      const bytes = core.file(path, now()) as Uint8Array<ArrayBuffer> | undefined;
      if (bytes === undefined) return undefined;
      return bytes.length > limit ? { tooLarge: true } : { bytes };
    }
    try {
      const response = await send(new Request(url, { signal: within(FETCH_TIMEOUT) }));
      if (response.ok) return await read(response, limit);
      await response.body?.cancel();
    } catch {
      // Whatever it was, there is no file.
    }
    return undefined;
  }

  async function callBack(url: string, headers: [string, string][], body: string): Promise<boolean> {
    try {
      const signal = within(CALLBACK_TIMEOUT);
      const response = await send(
        new Request(url, { method: "POST", headers, body, redirect: "manual", signal }),
      );
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  const within = (ms: number) => AbortSignal.any([closing.signal, AbortSignal.timeout(ms)]);

  function wake(core: Wasm.Sandbox, at: number | null): void {
    clearTimeout(timer);
    if (at === null) return;
    const ms = Math.min(Math.max(at - now(), 0), MAX_TIMER);
    timer = setTimeout(() => turn(core, { type: "woken" }), ms);
    // A callback to come must not keep a test's process alive; only Node's timers know of this.
    (timer as { unref?: () => void }).unref?.();
  }

  return {
    async fetch(request) {
      // A network never answers at once; a loop of polls would keep the worker's answer from coming in.
      await pause(0, request.signal);
      const core = await load();
      const incoming = await toEvent(request);
      if (incoming === undefined) return new Response(null, { status: 413 });
      let answer = turn(core, incoming.event, incoming.bytes);
      for (const work of answer.work) {
        if (work.type !== "fetch") continue;
        const file = await obtain(core, work.source);
        const bytes = file !== undefined && "bytes" in file ? file.bytes : undefined;
        answer = turn(core, { type: "fetched", upload: work.upload, found: bytes !== undefined }, bytes);
      }
      const { reply, body } = answer;
      if (reply === null) throw new TypeError("The sandbox dropped the connection, as a fault asked.");
      if (reply.delay > 0) await pause(reply.delay, AbortSignal.any([request.signal, closing.signal]));
      const empty = body.length === 0 || request.method === "HEAD";
      return new Response(empty ? null : body, { status: reply.status, headers: reply.headers });
    },
    async close() {
      closing.abort();
      clearTimeout(timer);
      await pixels.close();
    },
  };
}

/** Waits, or rejects with the signal's reason. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener("abort", abort);
        resolve();
      },
      Math.min(ms, MAX_TIMER),
    );
    signal.addEventListener("abort", abort, { once: true });
  });
}

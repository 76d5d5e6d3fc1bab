// Uses of the package that must compile, and uses that must not: checked by tsc, never run.
import {
  type CallbackRefusal,
  type ErrorKind,
  indexedDb,
  type Job,
  Limiter,
  mintToken,
  preload,
  receiveCallback,
  type Store,
  type TaskDetail,
  type Ticket,
  UpscaleError,
  type UpscaleResult,
  Upscaler,
  webStorage,
} from "crisp-upscale";
import { type CompareView, CrispCompare } from "crisp-upscale/compare";
import wasm from "crisp-upscale/crisp_upscale.wasm";
import { type UseUpscale, useUpscale } from "crisp-upscale/react";
import { createQuickSandbox, createSandbox, type Ledger } from "crisp-upscale/sandbox";

// Where to go.
new Upscaler({ apiKey: "key" });
new Upscaler({ apiKey: "key", baseUrl: new URL("https://api.example"), fetch: (request) => fetch(request) });
new Upscaler({ token: "token", baseUrl: "https://gateway.example" });
new Upscaler({ apiKey: "key", store: new Map<string, string>() });
new Upscaler({ apiKey: "key", store: webStorage(localStorage) });
new Upscaler({ apiKey: "key", store: indexedDb() });
new Upscaler({ apiKey: "key", fetch: createSandbox({ credits: 1, delays: { waiting: 0 } }).fetch });
new Upscaler({ token: async () => "token", baseUrl: "https://gateway.example" });
new Upscaler({ apiKey: "key", limiter: new Limiter(), dangerouslyAllowBrowser: true });
// @ts-expect-error: a limiter is no number
new Upscaler({ apiKey: "key", limiter: 20 });
// @ts-expect-error: a token is text
new Upscaler({ token: async () => 1 });
// @ts-expect-error: neither a key nor a token
new Upscaler({});
// @ts-expect-error: both
new Upscaler({ apiKey: "key", token: "token" });
// @ts-expect-error: a key is text
new Upscaler({ apiKey: 1 });
// @ts-expect-error: no such option
new Upscaler({ apiKey: "key", retries: 3 });
// @ts-expect-error: a store needs more than reading
new Upscaler({ apiKey: "key", store: { get: () => null } });
// @ts-expect-error: no such setting
createSandbox({ speed: 2 });

declare const upscaler: Upscaler;

export async function calls(signal: AbortSignal): Promise<void> {
  const result: UpscaleResult = await upscaler.upscale("https://host.example/a.jpg", {
    signal,
    timeout: 60_000,
    idempotencyKey: "order 17",
    callBackUrl: new URL("https://me.example/callback"),
    onUpdate: (update) => {
      const state: string = update.state;
      // The result is there in the last update only.
      if (update.result !== undefined) console.log(state, update.result.url);
      // @ts-expect-error: it may not be there
      console.log(update.result.url);
    },
  });
  const credits: number | null = result.credits;
  // @ts-expect-error: the service may not say
  const certain: number = result.credits;
  console.log(credits, certain);

  // @ts-expect-error: no image
  await upscaler.upscale();
  // @ts-expect-error: a number is no image
  await upscaler.upscale(1);
  // @ts-expect-error: no such option
  await upscaler.upscale("https://host.example/a.jpg", { scale: 4 });

  const photo: UpscaleResult = await upscaler.upscale(new Blob([]), { preflight: true });
  const size: [number | null, number | null, string | null] = [photo.width, photo.height, photo.type];
  const copy: Blob = await photo.blob({ signal });
  const { url } = await upscaler.upload(new Uint8Array());
  const balance: number = await upscaler.credits();
  console.log(size, copy, url, balance);
  // @ts-expect-error: a path is no file
  await upscaler.upload("photo.jpg");

  for await (const { index, image, result, error } of upscaler.upscaleAll(["https://host.example/a.jpg"])) {
    const place: number = index;
    // One or the other.
    if (error !== undefined) console.log(place, image.length, error.kind);
    else console.log(result.url);
    // @ts-expect-error: it may have failed
    console.log(result.url);
  }
  // @ts-expect-error: one image is not many
  upscaler.upscaleAll(1);

  const job: Job = await upscaler.submit("https://host.example/a.jpg");
  for await (const { state, taskId } of job) console.log(state, taskId);
  const same: UpscaleResult = await job.result();
  const ticket: Ticket = job.toJSON();
  upscaler.resume(ticket);
  upscaler.resume("5f48", { signal });
  console.log(same);
  // @ts-expect-error: a job is not a promise, or `await submit()` would wait for its end
  job.then(() => {});

  for (const pending of await upscaler.pending()) {
    // Also where no task is known: a gateway is asked for it.
    upscaler.resume(pending);
    await upscaler.forget(pending);
  }

  await upscaler.createTask({
    model: "recraft/crisp-upscale",
    input: { image: "https://host.example/a.jpg" },
  });
  // @ts-expect-error: another model
  await upscaler.createTask({ model: "recraft/other", input: { image: "https://host.example/a.jpg" } });
  // @ts-expect-error: the input is an object
  await upscaler.createTask({ model: "recraft/crisp-upscale", input: "https://host.example/a.jpg" });
  const detail: TaskDetail = await upscaler.getTask("5f48");
  console.log(detail.resultUrls.map((url) => url.length));
}

export function errors(error: unknown): string {
  if (!(error instanceof UpscaleError)) return "another";
  error.resume?.().result();
  // @ts-expect-error: there may be nothing to resume
  error.resume();
  // @ts-expect-error: it tells, and takes nothing
  error.kind = "timeout";
  const charged: "no" | "yes" | "unknown" = error.charged;
  const failCode: string | null = error.failCode;
  if (failCode !== null) return failCode;
  return charged + word(error.kind);
}

/** The list is closed: with a word too few this does not compile. */
function word(kind: ErrorKind): string {
  switch (kind) {
    case "invalid-input":
    case "bad-request":
    case "unauthorized":
    case "insufficient-credits":
    case "not-found":
    case "method-not-allowed":
    case "validation":
    case "rate-limited":
    case "key-limit":
    case "content-refused":
    case "maintenance":
    case "server-error":
    case "generation-failed":
    case "feature-disabled":
    case "unknown-code":
    case "unreachable":
    case "bad-reply":
    case "outcome-unknown":
    case "timeout":
    case "load-failed":
    case "store-failed":
      return kind;
  }
}

export const memory: Store = new Map<string, string>();
export const ledger = (ledger: Ledger): number => ledger.credits;

export async function callbacks(request: Request): Promise<Response> {
  await receiveCallback(request, { upscaler });
  await receiveCallback(request, { upscaler, keys: ["old", "new"], tolerance: 60 });
  // @ts-expect-error: without an Upscaler no record can be read
  await receiveCallback(request, { keys: "key" });
  // @ts-expect-error: a key that may be missing must not switch signatures off unseen
  await receiveCallback(request, { upscaler, keys: process.env.KEY });
  const outcome = await receiveCallback(request, { upscaler, keys: "key" });
  switch (outcome.kind) {
    case "success":
      console.log(outcome.result.url, outcome.signed);
      break;
    case "failed":
    case "later":
      console.log(outcome.error.kind, outcome.taskId);
      break;
    case "duplicate":
      // @ts-expect-error: the result was handed out before
      console.log(outcome.result);
      break;
    case "refused": {
      const reason: CallbackRefusal = outcome.reason;
      console.log(reason);
      break;
    }
    default:
      outcome satisfies never;
  }
  return outcome.response;
}

export async function tokens(secret: string): Promise<string> {
  await mintToken({ secret, sub: "visitor", expiresIn: 60, tasksPerHour: 5 });
  // @ts-expect-error: a secret that may be missing
  await mintToken({ secret: process.env.TOKEN_SECRET, sub: "visitor" });
  // @ts-expect-error: a token without a caller
  await mintToken({ secret });
  return mintToken({ secret, sub: "visitor" });
}

export async function loading(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  await preload();
  await preload(bytes);
  await preload(new URL("https://me.example/crisp_upscale.wasm"));
  await preload(fetch("/crisp_upscale.wasm"));
  await preload(WebAssembly.compileStreaming(fetch("/crisp_upscale.wasm")));
  await preload(wasm);
  // @ts-expect-error: one source
  await preload(bytes, bytes);
}

// The hook and the element.
export function Component() {
  const view: UseUpscale = useUpscale(new Upscaler({ token: "token" }));
  view.upscale("https://host.example/photo.jpg", { preflight: true });
  view.resume("task");
  // A result is there where the state says so.
  if (view.state === "done") return view.result.url;
  // @ts-expect-error: and elsewhere there is none
  return view.result.url;
}
export const compared: CompareView = new CrispCompare().view;

// The sandbox for tests takes the same options.
new Upscaler({ apiKey: "key", fetch: createQuickSandbox({ factor: 2 }).fetch });

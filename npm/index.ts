export type { Pending } from "./attempts.js";
export type { UpscaleAllOptions, Upscaled } from "./batch.js";
export { type ErrorKind, type Failure, isRetryable, isUpscaleError, UpscaleError } from "./errors.js";
export { type MintOptions, mintToken } from "./gateway-token.js";
export type { Job } from "./job.js";
export { Limiter } from "./limiter.js";
export { indexedDb, type Store, webStorage } from "./store.js";
export type {
  CallOptions,
  CreateTaskRequest,
  EarlyUpdate,
  ImageFile,
  ImageSource,
  SubmitOptions,
  TaskDetail,
  TaskState,
  Ticket,
  Update,
  UpscaleOptions,
  UpscaleResult,
  UpscalerOptions,
} from "./types.js";
export { preload, Upscaler } from "./upscaler.js";
export type { WasmSource } from "./wasm.js";
export {
  type CallbackOptions,
  type CallbackOutcome,
  type CallbackRefusal,
  receiveCallback,
} from "./webhook.js";

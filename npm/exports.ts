export type { UpscaleAllOptions, Upscaled } from "./all.js";
export type { Pending } from "./attempts.js";
export {
  type CallbackOptions,
  type CallbackOutcome,
  type CallbackRefusal,
  receiveCallback,
} from "./callback.js";
export { type ErrorKind, type Failure, isRetryable, isUpscaleError, UpscaleError } from "./error.js";
export type { Job } from "./job.js";
export { Limiter } from "./limiter.js";
export { type MintOptions, mintToken } from "./mint.js";
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
export type { WasmSource } from "./wasm.js";

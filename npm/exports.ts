export type { UpscaleAllOptions, Upscaled } from "./all.js";
export { type ErrorKind, type Failure, isRetryable, isUpscaleError, UpscaleError } from "./error.js";
export type { Job } from "./job.js";
export { Limiter } from "./limiter.js";
export type {
  CallOptions,
  CreateTaskRequest,
  SubmitOptions,
  TaskDetail,
  TaskState,
  Ticket,
  Update,
  UpscaleOptions,
  UpscaleResult,
  UpscalerOptions,
} from "./types.js";

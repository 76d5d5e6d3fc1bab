export { type ErrorKind, type Failure, UpscaleError } from "./error.js";
export type { Job } from "./job.js";
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

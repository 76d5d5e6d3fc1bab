import type { Input } from "./inputs.js";

/** How it stands with an image at the end of a run. */
export type Status =
  /** Its result is there. */
  | "done"
  /** It cannot be used, or the service could not enlarge it. It costs nothing. */
  | "failed"
  /** It is not known whether a task was made. It is left alone until `--retry-unknown`. */
  | "unknown"
  /** It was paid for and its result can no longer be had. It is left alone until `--again`. */
  | "gone"
  /** Its content has changed since its result was made. It is left alone until `--again`. */
  | "changed"
  /** Its task is paid for and goes on. The next run fetches the result. */
  | "unfinished"
  /** Another run works on it. */
  | "elsewhere"
  /** Nothing was sent for it. The next run does. */
  | "not-sent";

/** What is said of an image at the end. */
export interface Outcome {
  input: Input;
  status: Status;
  /** The result's path. */
  file?: string | undefined;
  /** Why, as a sentence. */
  reason?: string | undefined;
  /** The kind of the library's error. */
  kind?: string | undefined;
  taskId?: string | undefined;
  /** What this run has paid for it, in credits; `null` where the service does not say. */
  credits?: number | null | undefined;
  /** Whether its result was there before this run. */
  before?: boolean | undefined;
  warning?: string | undefined;
  /** Whether it was left out on purpose, by `--max`. */
  isLeft?: boolean | undefined;
}

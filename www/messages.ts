import { type Pending, UpscaleError } from "crisp-upscale";

// Everything that the page says which depends on what happened.

export interface Size {
  width: number;
  height: number;
}

const STATES: Readonly<Record<string, string>> = {
  uploading: "Uploading the file.",
  uploaded: "Uploaded. Sending the request.",
  submitted: "Submitted: the task has been made.",
  // All that a gateway knows until the service has called it back.
  waiting: "Waiting for the service.",
  queuing: "In the queue of the service.",
  generating: "The picture is being enlarged.",
  success: "Enlarged. Loading the result.",
};

export const ASK_PASSPHRASE =
  "The owner of this page pays for what is made here. Ask them for the passphrase.";

/** Why the page cannot begin. */
export function describeNoAnswer(): string {
  return navigator.onLine
    ? "The gateway behind this page does not answer. Reload the page in a while."
    : "The network is gone. The page starts when it is back.";
}

/** The gateway's sentence on a wrong passphrase, and what to do. */
export function describeWrong(sentence: string): string {
  return `${sentence} Try again.`;
}

/** Why the page serves nobody, by the settings that its owner has yet to make; null where it does serve. */
export function describeClosed(settings: readonly string[], hasPassphrase: boolean): string | null {
  const missing = hasPassphrase ? settings : [...settings, "PASSPHRASE"];
  return missing.length === 0
    ? null
    : `This page serves nobody yet: its owner has yet to set ${missing.join(" and ")}.`;
}

export const SENDING = "Sending the request.";

export const RESUMING = "Resuming the task that was made before. This costs nothing more.";

export const ASKING = "Asking whether the task was made. This makes none and costs nothing.";

export function describeState(state: string): string {
  return STATES[state] ?? `The service calls this “${state}”. Still waiting.`;
}

export function describeSize({ width, height }: Size): string {
  return `${width} × ${height} px`;
}

export function describeBytes(bytes: number): string {
  return bytes < 1024 * 1024
    ? `${Math.ceil(bytes / 1024)} KB`
    : `${(Math.ceil((bytes * 10) / 1024 / 1024) / 10).toFixed(1)} MB`;
}

export function describeFactor(before: Size, after: Size): string {
  const factor = after.width / before.width;
  return `× ${Number(factor.toFixed(2))}`;
}

export function describeCredits(credits: number): string {
  return credits === 1 ? "1 credit" : `${credits} credits`;
}

export function describeDone(time: string, before: Size | null, after: Size): string {
  const enlarged = describeSize(after);
  return before
    ? `Done in ${time}: from ${describeSize(before)} to ${enlarged}.`
    : `Done in ${time}: ${enlarged}.`;
}

export function describeCancel(taskId: string | null): string {
  return taskId === null
    ? "Cancelled. If the task was made before that, the service may still charge it."
    : `Cancelled. Task ${taskId} was made already: the service finishes it and may charge it.`;
}

/** What a picture is called, as far as its address tells. */
export function nameOf(image: string): string {
  if (!URL.canParse(image)) return image;
  const { pathname, hostname } = new URL(image);
  return pathname.split("/").at(-1) || hostname;
}

/** How an unfinished job stands, after the picture's name, and what to do. */
export function describePending({ taskId, createdAt }: Pending): string {
  const started = new Date(createdAt).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return taskId === null
    ? `Sent ${started}. No answer came. Resuming asks the gateway whether a task was made, and makes none. ` +
        "Where it cannot say, look into your account’s list of tasks before you upscale this picture again."
    : `Started ${started}. Its task was made. Resuming costs nothing more.`;
}

export function describeUpstream(upstream: string): string {
  return upstream === "sandbox"
    ? "Sandbox: this stands in for the API. Its resampling is not Recraft’s model, and its credits are not real."
    : `Connected to ${upstream}: each upscale costs credits.`;
}

/** What the address field itself finds wrong, as a sentence; null where the package has to judge. */
export function describeFieldProblem({ valueMissing, typeMismatch }: ValidityState): string | null {
  if (valueMissing) return "Paste the address of a picture first, choose a file, or pick one of the samples.";
  if (typeMismatch)
    return "This is not a complete address. It has to begin with https:// and lead to the picture itself.";
  return null;
}

const CHARGES = {
  no: "Nothing was charged.",
  yes: "This upscale was charged.",
  unknown: "Nobody can say yet whether this was charged.",
} as const;

/** The page's own server did not answer, so nothing was sent. */
export class NotFetched extends Error {}

/** What went wrong, line by line: the sentence, what it means for the money, and the task if there was one. */
export function describeFailure(error: unknown, taskId: string | null): string[] {
  if (error instanceof UpscaleError)
    return [error.message, CHARGES[error.charged], ...describeTask(error.taskId ?? taskId)];
  if (error instanceof NotFetched)
    return [
      "The picture could not be fetched from this page’s server. " +
        `${navigator.onLine ? "Try again in a while" : "The network is gone: try again when it is back"}.`,
      CHARGES.no,
    ];
  return [
    "Something in this page failed. Reload it. If that does not help, the browser’s console says what failed.",
    ...(taskId === null ? [] : [CHARGES.unknown, ...describeTask(taskId)]),
  ];
}

function describeTask(taskId: string | null): string[] {
  return taskId === null ? [] : [`Task ${taskId}`];
}

/** What to say of a result that cannot be shown. */
export function describeNotShown(): string {
  return navigator.onLine
    ? "The picture was enlarged, but it cannot be shown here. It can still be downloaded."
    : "The picture was enlarged. The network is gone: it will be shown when it is back.";
}

/** A result whose address is not of the web, as a hostile server may send it. */
export function describeNoAddress(taskId: string): string[] {
  return [
    "The picture was enlarged, but the service gave no web address of it, so it is neither shown nor linked.",
    CHARGES.yes,
    ...describeTask(taskId),
  ];
}

export const BEFORE_NOT_LOADED =
  "The picture you gave cannot be shown here, so there is only the result: its server may refuse other pages, or this browser cannot reach it.";

export function describeLooking(comparable: boolean, zoomed: boolean): string {
  if (!comparable) return zoomed ? "Drag the picture to move it." : "Double-click for actual pixels.";
  return zoomed
    ? "Drag the handle to compare, the picture to move it. Keys: arrows, Shift + arrows."
    : "Drag anywhere to compare, or use the arrow keys. Double-click for actual pixels.";
}

/* tslint:disable */
/* eslint-disable */

/**
 * The HTTP status for a kind of outcome, or for the word for a refusal.
 */
export function callbackStatus(word: string): number;

/**
 * Checks that a call for `image` may go on with what an earlier one with its `idempotencyKey` began, for
 * the image `earlier`; see [`repeat::goes_on`]. Gives the package's `Error` of why it may not.
 */
export function checkRepeat(settings: any, image: string, earlier: string, has_task: boolean): any;

/**
 * `createTask`: makes a task for the image, once. Resolves to the task's id.
 *
 * # Errors
 * A failure before anything was sent, a refusal, or `outcome-unknown`.
 */
export function createTask(settings: any, run: any, model: string, image: string, call_back_url?: string | null): Promise<any>;

/**
 * `credit`, once: resolves to the account's balance in credits.
 *
 * # Errors
 * Why it is not known.
 */
export function credits(settings: any, run: any): Promise<any>;

/**
 * A result's file, as a `Blob`.
 *
 * # Errors
 * Why it could not be fetched; with the task's id.
 */
export function download(settings: any, run: any, task_id: string, url: string): Promise<any>;

/**
 * Waits for the end of a task that was made at `created_at` (Unix milliseconds); resolves to
 * `[taskId, url, type, width, height, credits, createTime, completeTime, expiresAt]`.
 *
 * # Errors
 * How the task failed, or why nobody could wait for it any longer; with the task's id.
 */
export function follow(settings: any, run: any, task_id: string, created_at: number): Promise<any>;

/**
 * `recordInfo`, once: resolves to the task's record, `[taskId, model, state, image, resultUrls, failCode, failMsg,
 * createTime, completeTime, creditsConsumed]`.
 *
 * # Errors
 * Why there is no record.
 */
export function getTask(settings: any, run: any, task_id: string): Promise<any>;

/**
 * Whether an `idempotencyKey` that was first used at `created_at` (Unix milliseconds) is forgotten.
 */
export function isKeyOver(created_at: number): boolean;

/**
 * Opens one stream for all of a line and tells it what comes, until the stream ends or breaks, or the
 * signal of `run` says that nobody listens any more. After `failures` streams in a row that came to
 * nothing it waits first; resolves to how many there are now.
 */
export function listen(settings: any, run: any, line: any, failures: number): Promise<any>;

/**
 * Opens a callback: gives `[claims, signature, otherwise]` of [`webhook::Opened`], where a claim is
 * `[taskId, message]`; or the word for why it is refused; or `undefined` where the tolerance, in
 * seconds, is none. The body is left out where it is longer than is read.
 */
export function openCallback(method: string, timestamp: string | null | undefined, signature: string | null | undefined, body: string | null | undefined, signed: boolean, tolerance?: number | null): any;

/**
 * A look at an image before anything is sent to the API. Where it cannot be seen from here, nobody
 * can say anything against it.
 *
 * # Errors
 * `invalid-input`: its host refuses, or the file is not one that the service takes.
 */
export function preflight(settings: any, run: any, image: string): Promise<any>;

/**
 * Reads the record of a callback's task: resolves to `[kind, what]`, where `what` is the result, the
 * package's `Error`, or the word for why it is refused.
 *
 * # Errors
 * The package's `Error` where the client is set up wrongly.
 */
export function readCallback(settings: any, run: any, task_id: string): Promise<any>;

/**
 * Checks a file and uploads it; resolves to its URL. Tells the updates `warning`, `uploading` and `uploaded`.
 *
 * # Errors
 * What is wrong with the file, before anything is sent; or why it could not be uploaded. Nothing
 * is charged either way.
 */
export function upload(settings: any, run: any, file: any): Promise<any>;

/** What the WebAssembly needs to be instantiated with. */
export function imports(): WebAssembly.Imports;

/** Has the functions here use this instance. */
export function start(instance: WebAssembly.Instance): void;

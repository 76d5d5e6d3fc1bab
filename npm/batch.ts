import { invalid, type UpscaleError } from "./errors.js";
import { fileOf, reading } from "./options.js";
import { listen } from "./signal.js";
import type { ImageSource, SubmitOptions, UpscaleResult } from "./types.js";

/** What {@link Upscaler.upscaleAll} takes. `timeout` holds for each image, from when it is begun. */
export interface UpscaleAllOptions<Image = ImageSource> extends Omit<SubmitOptions, "idempotencyKey"> {
  /**
   * Names each image's call, as {@link SubmitOptions.idempotencyKey} does for one: with a store that outlives the process, the
   * same batch again continues after a crash and makes no second task.
   */
  idempotencyKey?: (image: Image, index: number) => string;
  /**
   * How many images may be under way at a time, from 1.
   * @defaultValue 20, as many as may be begun in 10 s
   */
  concurrency?: number;
}

/** How the upscale of one of many images ended. */
export type Upscaled<Image> = {
  /** The image's place among those that were given, from 0. */
  index: number;
  /** The image, as it was given. */
  image: Image;
} & (
  | {
      /** What came out. */
      result: UpscaleResult;
      error?: never;
    }
  | {
      /** Why nothing came out. */
      error: UpscaleError;
      result?: never;
    }
);

/**
 * Upscales many images, `concurrency` at a time, and yields each as it ends. An image is asked for when there
 * is room for it, so what has ended and was not read yet takes room as well.
 */
export async function* upscaleAll<Image>(
  images: Iterable<Image> | AsyncIterable<Image>,
  concurrency: number,
  signal: AbortSignal | undefined,
  upscale: (image: Image, index: number) => Promise<UpscaleResult>,
): AsyncGenerator<Upscaled<Image>, void, void> {
  const source = iteratorOf(images);
  const ended: Upscaled<Image>[] = [];
  let [begun, underWay, asking, left] = [0, 0, false, false];
  /** Why there are no more images: they are used up, or asking for one threw. */
  let last: { threw?: unknown } | undefined;
  let tell = () => {};

  async function begin(): Promise<void> {
    asking = true;
    try {
      const next = await source.next();
      if (Object(next) !== next) throw invalid("The images are not an iterable: next() gave no object.");
      const { done, value } = next;
      if (done) last = {};
      else if (!left) void play(begun++, value);
    } catch (threw) {
      last = { threw };
    }
    asking = false;
    tell();
  }

  async function play(index: number, image: Image): Promise<void> {
    underWay += 1;
    try {
      ended.push({ index, image, result: await upscale(image, index) });
    } catch (error) {
      ended.push({ index, image, error: error as UpscaleError });
    }
    underWay -= 1;
    tell();
  }

  const leave = signal && listen(signal, () => tell());
  try {
    while (true) {
      if (signal?.aborted) throw signal.reason;
      if (last === undefined && !asking && underWay + ended.length < concurrency) void begin();
      const next = ended.shift();
      if (next !== undefined) yield next;
      else if (last === undefined || underWay > 0) {
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
      } else if ("threw" in last) throw last.threw;
      else return;
    }
  } finally {
    left = true;
    leave?.();
    if (last === undefined) void close(source);
  }
}

/** Not of a text or a file, which can be iterated as well, and are one image. */
function iteratorOf<Image>(
  images: Iterable<Image> | AsyncIterable<Image>,
): Iterator<Image> | AsyncIterator<Image> {
  const iterable = reading("images", () => {
    if (Object(images) !== images || fileOf(images) !== undefined) return undefined;
    if (Symbol.asyncIterator in images && typeof images[Symbol.asyncIterator] === "function") return images;
    return Symbol.iterator in images && typeof images[Symbol.iterator] === "function" ? images : undefined;
  });
  if (iterable === undefined) {
    throw invalid("The images must be an array or another iterable. For one image, call upscale().");
  }
  // What the caller's own iterable throws is the caller's.
  return Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
}

/** Tells the source that nobody asks any more, and does not wait for what it makes of that. */
async function close(source: Iterator<unknown> | AsyncIterator<unknown>): Promise<void> {
  try {
    await source.return?.();
  } catch {
    // The loop was left for a reason of its own.
  }
}

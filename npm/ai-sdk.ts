import { invalid, isUpscaleError, type UpscaleError } from "./errors.js";
import type { EarlyUpdate, ImageSource, Update, UpscaleOptions, UpscaleResult } from "./types.js";

/**
 * An image model as the AI SDK calls it: its `ImageModelV3`, the newest interface that both 6 and 7 accept. Written down
 * here, since the types of the two majors do not fit each other.
 */
export interface CrispUpscaleModel {
  /** The version of the interface. */
  readonly specificationVersion: "v3";
  /** For logs. */
  readonly provider: "crisp-upscale";
  /** The model's name at the service. */
  readonly modelId: "recraft/crisp-upscale";
  /** The SDK divides `n` by this and makes a call for each part. It must make one call. */
  readonly maxImagesPerCall: number;
  /** Enlarges the one image of the prompt. The SDK calls it. */
  doGenerate(options: CrispUpscaleCall): Promise<CrispUpscaleImages>;
}

/** What the SDK gives with a call. */
export interface CrispUpscaleCall {
  /** The image, as its URL, its bytes or base64. */
  files: (FilePart | UrlPart)[] | undefined;
  /** Ends the call. */
  abortSignal?: AbortSignal | undefined;
  /** How many images are asked for. There is one. */
  n: number;
  /** A text. Not used. */
  prompt?: string | undefined;
  /** Not used. */
  mask?: unknown;
  /** Not used. */
  size?: string | undefined;
  /** Not used. */
  aspectRatio?: string | undefined;
  /** Not used. */
  seed?: number | undefined;
}

interface FilePart {
  type: "file";
  data: string | Uint8Array;
}

interface UrlPart {
  type: "url";
  url: string;
}

/** What the SDK gets. */
export interface CrispUpscaleImages {
  /** The enlarged image's bytes. */
  images: Uint8Array[];
  /** What was asked for and is not done. */
  warnings: (
    | { type: "unsupported"; feature: string; details?: string }
    | { type: "other"; message: string }
  )[];
  /** The task, what it cost and where its result is. */
  providerMetadata: { crispUpscale: { images: ReturnType<typeof metadataOf>[] } };
  /** When and by which model. */
  response: { timestamp: Date; modelId: string; headers: undefined };
}

/** What the model needs of an `Upscaler` of whatever runtime. */
interface Upscales {
  upscale(image: ImageSource, options?: UpscaleOptions): Promise<UpscaleResult>;
}

/**
 * An image model for Vercel's AI SDK, version 6 and later: `generateImage` enlarges the image in its prompt.
 *
 * ```ts
 * const { image } = await generateImage({
 *   model: crispUpscale(new Upscaler({ apiKey })),
 *   prompt: { images: ["https://host.example/photo.jpg"] },
 * });
 * ```
 *
 * One call of `generateImage` makes one task, whatever `n` is. What it rejects with is an {@link UpscaleError} that the
 * SDK also takes for its `APICallError`, so it retries where nothing was charged and nowhere else.
 *
 * @param upscaler Whose key, store and limiter are used.
 */
export function crispUpscale(upscaler: Upscales): CrispUpscaleModel {
  return {
    specificationVersion: "v3",
    provider: PROVIDER,
    modelId: MODEL,
    // Not Infinity, by which the SDK would make no call.
    maxImagesPerCall: Number.MAX_SAFE_INTEGER,
    async doGenerate(options) {
      const warnings = unused(options);
      const onUpdate = (update: EarlyUpdate | Update) => {
        if ("warning" in update) warnings.push({ type: "other", message: update.warning });
      };
      const limits = options.abortSignal === undefined ? {} : { signal: options.abortSignal };
      try {
        const result = await upscaler.upscale(imageOf(options), { ...limits, onUpdate });
        const bytes = await (await result.blob(limits)).arrayBuffer();
        return {
          images: [new Uint8Array(bytes)],
          warnings,
          providerMetadata: { crispUpscale: { images: [metadataOf(result)] } },
          response: { timestamp: new Date(), modelId: MODEL, headers: undefined },
        };
      } catch (error) {
        throw isUpscaleError(error) ? forRetries(error) : error;
      }
    },
  };
}

const PROVIDER = "crisp-upscale";
const MODEL = "recraft/crisp-upscale";

/** The one image of the prompt. */
function imageOf({ files = [] }: CrispUpscaleCall): ImageSource {
  const [file] = files;
  if (file === undefined || files.length > 1) {
    throw invalid(
      `The prompt has ${files.length} images where one is enlarged. Give one: prompt: { images: [image] }.`,
    );
  }
  return sourceOf(file);
}

function sourceOf(file: FilePart | UrlPart): ImageSource {
  if (file.type === "url") return file.url;
  // A text is base64.
  return typeof file.data === "string"
    ? Uint8Array.from(atob(file.data), (char) => char.charCodeAt(0))
    : file.data;
}

/** A warning for each option that the model has no use for. */
function unused(options: CrispUpscaleCall): CrispUpscaleImages["warnings"] {
  const { n, size, aspectRatio, seed, prompt, mask } = options;
  const given = { prompt, mask, size, aspectRatio, seed, n: n > 1 ? n : undefined };
  const details: Partial<Record<string, string>> = {
    prompt: "The model enlarges an image and reads no text.",
    n: "One call makes one image.",
  };
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([feature]) => {
      const why = details[feature];
      return { type: "unsupported", feature, ...(why === undefined ? {} : { details: why }) };
    });
}

function metadataOf(result: UpscaleResult) {
  const { taskId, url, type, width, height, credits, expiresAt } = result;
  return { taskId, url, type, width, height, credits, expiresAt };
}

/** By these the SDK knows its `APICallError`, of whatever copy of it. */
const MARKERS = {
  [Symbol.for("vercel.ai.error")]: true,
  [Symbol.for("vercel.ai.error.AI_APICallError")]: true,
};

/**
 * Makes the error one that the SDK's retries read. A retry is another call here and would make another task, so it is
 * for errors of which it is known that nothing was charged.
 */
function forRetries(error: UpscaleError): UpscaleError {
  return Object.assign(error, MARKERS, {
    isRetryable: error.retryable && error.charged === "no" && error.taskId === null,
    statusCode: error.code ?? error.status ?? undefined,
    url: "",
    requestBodyValues: {},
  });
}

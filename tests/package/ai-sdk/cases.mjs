// @ts-check
// What the AI SDK's own `generateImage` does with the model, as a list that every runtime and major goes through.

/**
 * Where a case runs.
 *
 * @typedef {object} World
 * @property {(options: any) => Promise<any>} generateImage
 * @property {{ isInstance(error: unknown): boolean }} APICallError
 * @property {{ isInstance(error: unknown): boolean }} RetryError
 * @property {typeof import("../../../dist/ai-sdk.js").crispUpscale} crispUpscale
 * @property {typeof import("../../../dist/index.js").Upscaler} Upscaler
 * @property {string} service the sandbox's address
 */

/**
 * What a case found: each entry is compared with `wanted` of {@link CASES}.
 *
 * @typedef {Record<string, unknown>} Found
 */

/**
 * @typedef {object} Case
 * @property {import("../../../dist/sandbox.js").Fault[]} [faults] of the sandbox
 * @property {(world: World) => Promise<Found>} run
 * @property {Found} wanted
 * @property {number} billed how many tasks are made
 * @property {number} creates how many createTask requests arrive
 */

const PNG_SIZE = 16;

/** The smallest photo that the sandbox takes: 32 by 32 pixels. */
const SMALL =
  "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAAAAABWESUoAAAANUlEQVR42mNg4BCQUNAwsHDwCIhIyCioaOiYMGPBig07Dpy4cOPBiw8/GEYVjCoYVTBSFQAAl2zwEJjgKNwAAAAASUVORK5CYII=";

/** Its bytes. */
const bytes = () => Uint8Array.from(atob(SMALL), (char) => char.charCodeAt(0));

/** @param {World} world */
const modelOf = ({ crispUpscale, Upscaler, service }) =>
  crispUpscale(new Upscaler({ apiKey: "sandbox", baseUrl: service }));

/**
 * One call, and what came of it.
 *
 * @param {World} world
 * @param {object} options beside the model
 */
async function generated(world, options) {
  const { generateImage } = world;
  const result = await generateImage({ model: modelOf(world), ...options });
  const { image, images, warnings, providerMetadata, responses } = result;
  const view = new DataView(image.uint8Array.buffer, image.uint8Array.byteOffset);
  const [metadata] = providerMetadata.crispUpscale.images;
  return {
    images: images.length,
    type: image.mediaType,
    size: [view.getUint32(PNG_SIZE), view.getUint32(PNG_SIZE + 4)],
    warnings: warnings.map((/** @type {any} */ warning) => `${warning.type} ${warning.feature}`),
    model: responses[0].modelId,
    metadata: {
      taskId: typeof metadata.taskId,
      credits: metadata.credits,
      url: metadata.url.startsWith("http://"),
      size: [metadata.width, metadata.height],
      type: metadata.type,
    },
  };
}

/**
 * How a call failed, as the SDK and as a user read it.
 *
 * @param {World} world
 * @param {object} options beside the model
 */
async function failed(world, options) {
  const { generateImage, APICallError, RetryError } = world;
  try {
    await generateImage({ model: modelOf(world), ...options });
    return { failed: false };
  } catch (thrown) {
    const error = /** @type {any} */ (thrown);
    return {
      kind: error.kind,
      charged: error.charged,
      task: typeof error.taskId,
      resumes: typeof error.resume,
      apiCallError: APICallError.isInstance(error),
      isRetryable: error.isRetryable,
      retryError: RetryError.isInstance(error),
    };
  }
}

const IMAGES = { images: [`data:image/png;base64,${SMALL}`] };

const RESULT = {
  images: 1,
  type: "image/png",
  size: [128, 128],
  warnings: [],
  model: "recraft/crisp-upscale",
  metadata: { taskId: "string", credits: 0.5, url: true, size: [128, 128], type: "image/png" },
};

const FAILURE = {
  charged: "no",
  task: "object",
  resumes: "undefined",
  apiCallError: true,
  isRetryable: false,
  retryError: false,
};

const LOST = { ...FAILURE, kind: "outcome-unknown", charged: "unknown" };

/** A reply to createTask that never arrives. @type {import("../../../dist/sandbox.js").Fault} */
const lost = { route: "createTask", kind: "lose", times: 10 };

/** @type {Record<string, Case>} */
export const CASES = {
  "an image's URL": {
    run: (world) => generated(world, { prompt: { images: [`${world.service}/photo.png`] } }),
    wanted: RESULT,
    billed: 1,
    creates: 1,
  },
  "an image's bytes": {
    run: (world) => generated(world, { prompt: { images: [bytes()] } }),
    wanted: RESULT,
    billed: 1,
    creates: 1,
  },
  "base64, and options that the model has no use for": {
    run: (world) =>
      generated(world, {
        prompt: { images: [SMALL], text: "make it pop" },
        n: 3,
        size: "1024x1024",
        seed: 7,
      }),
    wanted: {
      ...RESULT,
      warnings: ["unsupported prompt", "unsupported size", "unsupported seed", "unsupported n"],
    },
    billed: 1,
    creates: 1,
  },
  // Documented: the SDK makes n calls, and the model cannot know that they are one.
  "the caller's own maxImagesPerCall: 1 with n: 2": {
    run: async (world) => {
      const { images } = await generated(world, { prompt: IMAGES, n: 2, maxImagesPerCall: 1 });
      return { images };
    },
    wanted: { images: 2 },
    billed: 2,
    creates: 2,
  },
  "an abort once the task is made": {
    async run(world) {
      const controller = new AbortController();
      const { signal: abortSignal } = controller;
      const reason = new DOMException("the user left", "AbortError");
      const call = world.generateImage({ model: modelOf(world), prompt: IMAGES, abortSignal });
      // The sandbox says when the task is there.
      for (;;) {
        const { tasks } = await (await fetch(`${world.service}/sandbox/ledger`)).json();
        if (tasks.length > 0) break;
      }
      controller.abort(reason);
      const error = await call.catch((/** @type {unknown} */ error) => error);
      return { own: error === reason };
    },
    wanted: { own: true },
    billed: 1,
    creates: 1,
  },
  "an abort before the call": {
    async run(world) {
      const reason = new DOMException("too late", "AbortError");
      const abortSignal = AbortSignal.abort(reason);
      const call = world.generateImage({ model: modelOf(world), prompt: IMAGES, abortSignal });
      return { own: (await call.catch((/** @type {unknown} */ error) => error)) === reason };
    },
    wanted: { own: true },
    billed: 0,
    creates: 0,
  },
  "a refusal": {
    faults: [{ route: "createTask", kind: "code", code: 402, msg: "Credits insufficient" }],
    run: (world) => failed(world, { prompt: IMAGES }),
    wanted: { ...FAILURE, kind: "insufficient-credits" },
    billed: 0,
    creates: 1,
  },
  "maintenance, which is retried": {
    faults: [{ route: "createTask", kind: "code", code: 455, msg: "maintenance" }],
    run: (world) => generated(world, { prompt: IMAGES }),
    wanted: RESULT,
    billed: 1,
    creates: 2,
  },
  "maintenance that does not end": {
    faults: [{ route: "createTask", kind: "code", code: 455, msg: "maintenance", times: 10 }],
    run: async (world) => {
      const { retryError } = await failed(world, { prompt: IMAGES, maxRetries: 1 });
      return { retryError };
    },
    wanted: { retryError: true },
    billed: 0,
    creates: 2,
  },
  "a lost reply": {
    faults: [lost],
    run: (world) => failed(world, { prompt: IMAGES }),
    wanted: LOST,
    billed: 1,
    creates: 1,
  },
  "a lost reply, n: 3": {
    faults: [lost],
    run: (world) => failed(world, { prompt: IMAGES, n: 3 }),
    wanted: LOST,
    billed: 1,
    creates: 1,
  },
  // The client itself calls this retryable or not; another task it must never make.
  "a task that cannot be read": {
    faults: [{ route: "recordInfo", kind: "code", code: 401, msg: "no", times: 100 }],
    run: (world) => failed(world, { prompt: IMAGES }),
    wanted: { ...FAILURE, kind: "unauthorized", charged: "unknown", task: "string", resumes: "function" },
    billed: 1,
    creates: 1,
  },
  "a result that cannot be fetched": {
    faults: [{ route: "files", kind: "status", status: 404, times: 100 }],
    run: async (world) => {
      const found = await failed(world, { prompt: { images: [`${world.service}/photo.png`] } });
      return { ...found, kind: undefined };
    },
    wanted: { ...FAILURE, kind: undefined, charged: "yes", task: "string", resumes: "function" },
    billed: 1,
    creates: 1,
  },
  "a task that failed": {
    faults: [{ route: "task", kind: "code", code: 501, msg: "no" }],
    run: (world) => failed(world, { prompt: IMAGES }),
    wanted: { ...FAILURE, kind: "generation-failed", task: "string" },
    billed: 1,
    creates: 1,
  },
  "a text alone": {
    run: (world) => failed(world, { prompt: "a cat" }),
    wanted: { ...FAILURE, kind: "invalid-input" },
    billed: 0,
    creates: 0,
  },
  "two images": {
    run: (world) => failed(world, { prompt: { images: [bytes(), bytes()] } }),
    wanted: { ...FAILURE, kind: "invalid-input" },
    billed: 0,
    creates: 0,
  },
};

import { isUpscaleError, type UpscaleError, Upscaler } from "crisp-upscale";

/** What the library says of an image before anything is sent. */
export interface Checked {
  /** Why it is refused. */
  refused?: UpscaleError;
  /** What the service may not like about it. */
  warning?: string;
}

/** Checks an image as a call would, and ends where the call would send something. */
export async function check(image: Blob | string): Promise<Checked> {
  const controller = new AbortController();
  const upscaler = new Upscaler({
    ...{ apiKey: "none", baseUrl: "http://nowhere.invalid" },
    fetch: async () => {
      controller.abort();
      throw new Error("Nothing is sent.");
    },
  });
  const checked: Checked = {};
  try {
    await upscaler.upscale(image, {
      signal: controller.signal,
      onUpdate: (update) => {
        if ("warning" in update) checked.warning = update.warning;
      },
    });
  } catch (error) {
    if (isUpscaleError(error) && error.kind === "invalid-input") checked.refused = error;
    else if (isUpscaleError(error)) throw error;
  }
  return checked;
}

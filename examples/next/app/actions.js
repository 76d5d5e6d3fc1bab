"use server";

import { UpscaleError } from "crisp-upscale";
import { upscaler } from "../lib/upscaler.js";

/** Makes a task, once. Check here who calls: each call costs credits. */
export async function submit(_, form) {
  try {
    const { taskId } = await upscaler().submit(form.get("image"), {
      callBackUrl: `${process.env.PUBLIC_URL}/api/webhook`,
    });
    return { taskId };
  } catch (error) {
    if (!(error instanceof UpscaleError)) throw error;
    return { error: error.message, charged: error.charged };
  }
}

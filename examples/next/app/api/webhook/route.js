import { receiveCallback } from "crisp-upscale";
import { ended, upscaler } from "../../../lib/upscaler.js";

export async function POST(request) {
  const outcome = await receiveCallback(request, {
    keys: process.env.WEBHOOK_HMAC_KEY,
    upscaler: upscaler(),
  });
  const { kind, taskId } = outcome;
  if (kind === "success") ended.set(taskId, { state: "success", result: outcome.result });
  if (kind === "failed") ended.set(taskId, { state: "fail", error: outcome.error.message });
  return outcome.response;
}

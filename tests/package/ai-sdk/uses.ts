// The model is one of both majors, as their own types say: checked by tsc, never run.
import { generateImage as generateImage6 } from "ai-6";
import { generateImage as generateImage7 } from "ai-7";
import { Upscaler } from "crisp-upscale";
import { crispUpscale } from "crisp-upscale/ai-sdk";

const upscaler = new Upscaler({ token: "token" });
const model = crispUpscale(upscaler);
const prompt = { images: ["https://host.example/photo.jpg"] };
export const types = [generateImage6({ model, prompt }), generateImage7({ model, prompt })];
// @ts-expect-error: an options object is no upscaler
crispUpscale({ apiKey: "key" });

// The cases in workerd, one for each request.
import { Upscaler } from "crisp-upscale";
import { crispUpscale } from "crisp-upscale/ai-sdk";
import { CASES } from "./cases.mjs";
import { MAJORS } from "./majors.mjs";

export default {
  async fetch(request) {
    const { name, major, service } = await request.json();
    return Response.json(await CASES[name].run({ ...MAJORS[major], crispUpscale, Upscaler, service }));
  },
};

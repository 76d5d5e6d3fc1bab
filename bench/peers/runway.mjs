import RunwayML from "@runwayml/sdk";

export function connect(baseURL) {
  const client = new RunwayML({ apiKey: "key", baseURL });
  return async (imageUri, signal) => {
    const body = { imageUri, model: "magnific_precision_upscaler_v2" };
    const task = await client.imageUpscale
      .create(body, { signal })
      .waitForTaskOutput({ abortSignal: signal });
    return task.output[0];
  };
}

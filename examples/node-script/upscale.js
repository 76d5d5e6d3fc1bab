// Enlarges a file or a URL: node upscale.js photo.jpg large.png
import { readFile, writeFile } from "node:fs/promises";
import { UpscaleError, Upscaler } from "crisp-upscale";

const [image = "", file = "upscaled.png"] = process.argv.slice(2);
const upscaler = new Upscaler({ apiKey: process.env.KIE_API_KEY, baseUrl: process.env.BASE_URL });

try {
  const source = /^https?:/.test(image) ? image : await readFile(image);
  const result = await upscaler.upscale(source, { onUpdate: ({ state }) => console.log(state) });
  const blob = await result.blob();
  await writeFile(file, new Uint8Array(await blob.arrayBuffer()));
  console.log(`${file}: ${result.width} × ${result.height}, ${result.credits} credits`);
} catch (error) {
  if (!(error instanceof UpscaleError)) throw error;
  console.error(`${error.message} Charged: ${error.charged}. Task: ${error.taskId}`);
  process.exitCode = 1;
}

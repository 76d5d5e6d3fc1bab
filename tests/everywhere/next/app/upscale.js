import { Upscaler } from "crisp-upscale";

/** One upscale, as a line for the page to show. */
export async function upscale(baseUrl) {
  const upscaler = new Upscaler({ apiKey: "sandbox", baseUrl, dangerouslyAllowBrowser: true });
  try {
    const { taskId, width } = await upscaler.upscale("https://host.example/a.png", { timeout: 60_000 });
    return `[${taskId} ${width}]`;
  } catch (error) {
    // The error of Next.js that says that a page cannot be prerendered.
    if (error.kind === undefined) throw error;
    return `[${error.kind} ${error.charged}]`;
  }
}

import { upscale } from "../upscale.js";

export const dynamic = "force-dynamic";

export async function GET() {
  return new Response(await upscale(process.env.SERVICE));
}

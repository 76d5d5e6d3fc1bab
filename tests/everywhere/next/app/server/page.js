import { upscale } from "../upscale.js";

export const dynamic = "force-dynamic";

export default async function Page() {
  return <p>{await upscale(process.env.SERVICE)}</p>;
}

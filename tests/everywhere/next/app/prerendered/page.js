import { upscale } from "../upscale.js";

// Nothing here says that it is dynamic: Next.js tries to prerender it.
export default async function Page() {
  return <p>{await upscale(process.env.SERVICE)}</p>;
}

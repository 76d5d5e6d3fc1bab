// The packages of Next.js lie in the folder above.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export default process.env.TURBOPACK_ROOT ? { turbopack: { root } } : {};

import { join } from "node:path";

const [REAL, SANDBOX] = [".crisp-upscale", ".crisp-upscale-sandbox"];

/** The names of state folders, which are read for no images. */
export const STATE_FOLDERS = [REAL, SANDBOX];

/** The state folder of the results in a folder. */
export function stateFolder(results: string, sandbox: boolean): string {
  return join(results, sandbox ? SANDBOX : REAL);
}

import { once } from "node:events";
import { portOf } from "./args.js";
import { serve } from "./serve.js";

const HELP = `Runs the stand-in for kie.ai's API on this machine, for any client of it.

  npx crisp-upscale sandbox --port 9000

Its resampling is not Recraft's model, and it bills nobody. Ctrl+C ends it.
`;

/** The stand-in for the API as a server. @returns The exit code. */
export async function sandbox(argv: string[], stdout: NodeJS.WriteStream): Promise<number> {
  const { port, help } = portOf(argv, 9000);
  if (help) {
    stdout.write(HELP);
    return 0;
  }
  const { createSandbox } = await import("crisp-upscale/sandbox");
  const stand = createSandbox();
  const { url, close } = await serve((request) => stand.fetch(request), port);
  // Before the address is printed: whoever reads it may end this at once.
  const asked = untilSignal();
  stdout.write(
    `The sandbox stands in for the API. Its resampling is not Recraft's model.\n\n  ${url}\n\nIts key is: sandbox. Ctrl+C ends it.\n`,
  );
  await asked;
  await close();
  await stand.close();
  return 0;
}

/** Waits until the process is asked to end. */
export async function untilSignal(): Promise<void> {
  await Promise.race((["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => once(process, signal)));
}

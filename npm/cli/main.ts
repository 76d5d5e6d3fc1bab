import { readFile } from "node:fs/promises";
import { argsOf } from "./args.js";
import { Failed } from "./failed.js";
import { HELP } from "./help.js";
import { upscale } from "./upscale.js";

const { stdout, stderr, stdin, env } = process;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** What a process ends with that a signal has ended. */
const INTERRUPTED = 130;

// Whoever reads the output has gone. The images go on.
for (const stream of [stdout, stderr]) stream.on("error", () => {});

async function main(argv: string[]): Promise<number> {
  const [command, ...rest] = argv;
  if (command === "sandbox") return (await import("./sandbox.js")).sandbox(rest, stdout);
  if (command === "demo") return (await import("./demo.js")).demo(rest, stdout);
  const args = argsOf(argv);
  if (args.help) {
    stdout.write(HELP);
    return 0;
  }
  if (args.version) {
    stdout.write(`${await version()}\n`);
    return 0;
  }
  return upscale(args, { env, stdin, stdout, stderr, onInterrupt });
}

function onInterrupt(listener: () => void): void {
  let times = 0;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      times += 1;
      // What is on its way is written down as such: the next run finds out what became of it.
      if (times > 1) process.exit(INTERRUPTED);
      listener();
    });
  }
}

async function version(): Promise<string> {
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  return JSON.parse(text).version;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Failed)) throw error;
  stderr.write(`crisp-upscale: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
// A connection that is kept open, or a timer of the library, must not keep the command waiting.
await new Promise<void>((resolve) => stdout.write("", () => resolve()));
process.exit();

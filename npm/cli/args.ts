import { parseArgs } from "node:util";
import { usage } from "./failed.js";

/** What the command line says. */
export interface Args {
  names: string[];
  out: string | undefined;
  state: string | undefined;
  gateway: string | undefined;
  recursive: boolean;
  includeResults: boolean;
  again: boolean;
  retryUnknown: boolean;
  sandbox: boolean;
  dryRun: boolean;
  json: boolean;
  max: number;
  help: boolean;
  version: boolean;
}

export function argsOf(argv: string[]): Args {
  const { values, positionals } = parse(argv);
  return {
    names: positionals,
    ...{ out: values.out, state: values.state, gateway: values.gateway },
    recursive: values.recursive === true,
    includeResults: values["include-results"] === true,
    again: values.again === true,
    retryUnknown: values["retry-unknown"] === true,
    sandbox: values.sandbox === true,
    dryRun: values["dry-run"] === true,
    json: values.json === true,
    max: values.max === undefined ? Number.POSITIVE_INFINITY : countOf(values.max),
    help: values.help === true,
    version: values.version === true,
  };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        out: { type: "string", short: "o" },
        state: { type: "string" },
        gateway: { type: "string" },
        recursive: { type: "boolean", short: "r" },
        "include-results": { type: "boolean" },
        again: { type: "boolean" },
        "retry-unknown": { type: "boolean" },
        sandbox: { type: "boolean" },
        "dry-run": { type: "boolean", short: "n" },
        json: { type: "boolean" },
        max: { type: "string" },
        help: { type: "boolean", short: "h" },
        version: { type: "boolean" },
      },
    });
  } catch (error) {
    throw wrong(error);
  }
}

/** The port of a sub-command. */
export function portOf(argv: string[], usual: number): { port: number; help: boolean } {
  try {
    const { values } = parseArgs({
      args: argv,
      options: { port: { type: "string" }, help: { type: "boolean", short: "h" } },
    });
    const port = values.port === undefined ? usual : countOf(values.port, "--port", true);
    if (port > 65_535) throw usage("--port takes a number up to 65535.");
    return { port, help: values.help === true };
  } catch (error) {
    throw wrong(error);
  }
}

/** What `parseArgs` says, in one sentence. */
function wrong(error: unknown): unknown {
  const code = (error as { code?: string }).code ?? "";
  if (!code.startsWith("ERR_PARSE_ARGS")) return error;
  const [sentence = ""] = (error as Error).message.split(/\. |\n/);
  return usage(`${sentence.replace(/\.$/, "")}. See crisp-upscale --help.`);
}

function countOf(text: string, what = "--max", mayBeZero = false): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(count) || (count === 0 && !mayBeZero)) {
    throw usage(`${what} takes a whole number${mayBeZero ? "" : ", 1 or more"}.`);
  }
  return count;
}

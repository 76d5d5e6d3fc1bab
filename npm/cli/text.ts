import { relative } from "node:path";
import type { Outcome } from "./outcome.js";
import type { Counts } from "./report.js";

/** What ends a line, moves the cursor, or turns the direction of the text: it could show something that is not there. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be replaced
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A name as it can be printed. */
export function printable(name: string): string {
  return name.replace(UNPRINTABLE, (sign) => {
    if (sign === "\n") return "\\n";
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A path as short as it can be from where the command runs. */
function shown(path: string): string {
  const short = relative("", path);
  return short === "" || short.startsWith("..") ? path : short;
}

const WORDS: Record<Outcome["status"], string> = {
  done: "done",
  failed: "failed",
  unknown: "unknown",
  gone: "paid and gone",
  changed: "changed",
  unfinished: "unfinished",
  elsewhere: "elsewhere",
  "not-sent": "not sent",
};

/** An outcome in one line. */
export function lineOf({ input, status, file, reason, before, warning, isLeft }: Outcome): string {
  const word = isLeft ? "left" : WORDS[status];
  const parts = [`${word}: ${printable(input.name)}`];
  if (status === "done" && file !== undefined)
    parts.push(` -> ${printable(shown(file))}${before ? " (was there)" : ""}`);
  const why = [reason, warning].filter((text) => text !== undefined).join(" ");
  if (why !== "") parts.push(`: ${printable(why)}`);
  if (status !== "done" && file !== undefined)
    parts.push(` Its earlier result is ${printable(shown(file))}.`);
  return parts.join("");
}

/** How it stands, in one line. */
export function countsOf({ done, total, running, waiting, failed, credits }: Counts): string {
  const parts = [`${done} of ${total} done`];
  if (running > 0) parts.push(`${running} running`);
  if (waiting > 0) parts.push(`${waiting} waiting`);
  if (failed > 0) parts.push(`${failed} not done`);
  if (credits > 0) parts.push(`${creditsOf(credits)} spent`);
  return parts.join(", ");
}

export function creditsOf(credits: number): string {
  return `${Number(credits.toFixed(2))} ${credits === 1 ? "credit" : "credits"}`;
}

/** `1 image`, `2 images`. */
export function images(count: number): string {
  return count === 1 ? "1 image" : `${count} images`;
}

/** The styles of a terminal (ECMA-48, SGR), and what ends each. Node's own `styleText` is not in all versions of 20. */
const STYLES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] };

/** A text with a style, unless colours are not wanted. */
export function styled(style: keyof typeof STYLES, text: string, hasColour: boolean): string {
  const [begin, end] = STYLES[style];
  return hasColour ? `\x1b[${begin}m${text}\x1b[${end}m` : text;
}

/** Images that are not done for the same reason, in the order in which the first of them came. */
interface Group {
  title: string;
  names: string[];
}

/**
 * What is not done, grouped by why.
 *
 * @param most how many names of a group are listed at most
 */
export function listOf(left: Outcome[], most = Number.POSITIVE_INFINITY): string[] {
  const groups = new Map<string, Group>();
  for (const { input, status, reason, isLeft, file } of left) {
    const title = `${isLeft ? "left" : WORDS[status]}: ${printable(reason ?? "")}`;
    const group = groups.get(title) ?? { title, names: [] };
    groups.set(title, group);
    group.names.push(
      printable(input.name) +
        (file === undefined ? "" : ` (its earlier result is ${printable(shown(file))})`),
    );
  }
  return [...groups.values()].flatMap(({ title, names }) => {
    names.sort();
    const shown = names.slice(0, most).map((name) => `    ${name}`);
    const more = names.length - shown.length;
    return [`  ${title}`, ...shown, ...(more > 0 ? [`    and ${more} more`] : [])];
  });
}

/** What to do now, where there is something to be done. */
export function adviceOf(left: Outcome[]): string[] {
  const goesOn = left.some(({ status }) => ["not-sent", "unfinished", "elsewhere"].includes(status));
  return goesOn ? ["Run the same command again to go on. Nothing is charged twice."] : [];
}

import { createLogUpdate } from "log-update";
import type { Counts, Display } from "./report.js";
import { adviceOf, countsOf, creditsOf, images, lineOf, listOf, styled } from "./text.js";

/** How often the display is drawn at most, in milliseconds. */
const FRAME = 100;
/** How many names are listed at the end for the same reason; `--json` has them all. */
const LISTED = 20;
/** What is said at once, and not only at the end. */
const AT_ONCE = ["failed", "unknown", "gone", "changed"];
/** The bar's widest, in columns. */
const BAR = 40;

/** A display at the foot of a terminal, under the lines that stay. */
export function terminalDisplay(stream: NodeJS.WriteStream, hasColour: boolean): Display {
  const draw = createLogUpdate(stream);
  const began = performance.now();
  let latest: Counts | undefined;
  /** How many were done before this run began. */
  let before = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;

  const frame = () => {
    timer = undefined;
    if (latest !== undefined && !isOver)
      draw(frameOf(latest, performance.now() - began, before, stream.columns ?? 80, hasColour));
  };
  const stays = (line: string) => {
    draw.clear();
    stream.write(`${line}\n`);
    frame();
  };
  return {
    update(counts) {
      latest = counts;
      timer ??= setTimeout(frame, FRAME);
    },
    outcome(outcome) {
      if (outcome.before) before += 1;
      // Of what is done, the number is enough.
      if (AT_ONCE.includes(outcome.status) || outcome.warning !== undefined) {
        stays(styled(outcome.status === "done" ? "yellow" : "red", lineOf(outcome), hasColour));
      }
    },
    note: stays,
    end(counts, left) {
      isOver = true;
      clearTimeout(timer);
      draw.clear();
      draw.done();
      if (left.length > 0) {
        stream.write(`\n${styled("bold", `Not done: ${images(left.length)}`, hasColour)}\n`);
        for (const line of listOf(left, LISTED)) stream.write(`${line}\n`);
        stream.write("\n");
      }
      for (const line of [countsOf(counts), ...adviceOf(left)]) stream.write(`${line}\n`);
    },
  };
}

function frameOf(
  counts: Counts,
  elapsed: number,
  before: number,
  columns: number,
  hasColour: boolean,
): string {
  const { total, done, failed, running, waiting, credits } = counts;
  const ended = done + failed;
  const share = total === 0 ? 0 : ended / total;
  const width = Math.max(10, Math.min(BAR, columns - 40));
  const full = Math.round(share * width);
  const bar =
    styled("green", "█".repeat(full), hasColour) + styled("dim", "░".repeat(width - full), hasColour);
  const left = timeLeft(ended - before, total - ended, elapsed);
  const spent = credits > 0 ? `, ${creditsOf(credits)} spent` : "";
  const lines = [
    `${bar} ${Math.floor(share * 100)} %${left === "" ? "" : `, ${left}`}`,
    `${done} done, ${running} running, ${waiting} waiting, ${failed} not done${spent}`,
  ];
  return lines.map((line) => (hasColour ? line : line.slice(0, columns - 1))).join("\n");
}

/** From how many images on the time left is told. */
const ENOUGH = 5;

function timeLeft(ended: number, left: number, elapsed: number): string {
  if (ended < ENOUGH || left === 0) return "";
  const seconds = Math.round((elapsed / ended) * left) / 1000;
  if (seconds < 60) return "less than a minute left";
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `about ${minutes} ${minutes === 1 ? "minute" : "minutes"} left`;
  return `about ${(minutes / 60).toFixed(1)} hours left`;
}

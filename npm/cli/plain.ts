import type { Display } from "./report.js";
import { countsOf, images, lineOf } from "./text.js";

/** Lines of text, for a file, a pipe or a log. */
export function plainDisplay(print: (line: string) => void): Display {
  return {
    update: () => {},
    outcome: (outcome) => print(lineOf(outcome)),
    note: print,
    end(counts, left) {
      if (left.length > 0) {
        print(`\nNot done: ${images(left.length)}`);
        for (const outcome of left) print(`  ${lineOf(outcome)}`);
      }
      print(countsOf(counts));
    },
  };
}

import type { Display } from "./report.js";
import { adviceOf, countsOf, images, lineOf, listOf } from "./text.js";

/** Lines of text, for a file, a pipe or a log. */
export function plainDisplay(print: (line: string) => void): Display {
  return {
    update: () => {},
    outcome: (outcome) => print(lineOf(outcome)),
    note: print,
    end(counts, left) {
      if (left.length > 0) {
        print(`\nNot done: ${images(left.length)}`);
        for (const line of listOf(left)) print(line);
      }
      print(countsOf(counts));
      for (const line of adviceOf(left)) print(line);
    },
  };
}

import type { Outcome } from "./outcome.js";
import type { Display } from "./report.js";

/** A line of JSON for each image; notes go to standard error. */
export function jsonDisplay(print: (line: string) => void, note: (line: string) => void): Display {
  return {
    update: () => {},
    outcome: (outcome) => print(JSON.stringify(plainOf(outcome))),
    note,
    end: () => {},
  };
}

function plainOf({ input, status, file, reason, kind, taskId, credits, before, warning }: Outcome) {
  return {
    ...{ image: input.name, status, result: file ?? null, taskId: taskId ?? null },
    ...{
      credits: credits ?? (before ? 0 : null),
      kind: kind ?? null,
      reason: reason ?? null,
      warning: warning ?? null,
    },
  };
}

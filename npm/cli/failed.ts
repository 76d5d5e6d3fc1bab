/** An error whose message is all that a person needs. */
export class Failed extends Error {
  /** What the process ends with. */
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The command was called wrongly. */
export function usage(message: string): Failed {
  return new Failed(message, 2);
}

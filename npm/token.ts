/** Where a gateway's token comes from. */
export type AskForToken = () => string | Promise<string>;

/** A token that has not come for so long is asked for anew; in milliseconds. It may never come. */
const OVERDUE = 60_000;

/**
 * Asks for the token at the first request and keeps it; asks anew where the server refused the one it
 * gave. Requests that need it at the same time share one answer. Neither a failure nor a silence is kept.
 */
export function keptToken(ask: AskForToken): (refused?: string) => Promise<string> {
  let kept: { answer: Promise<string>; asked: number; token?: string } | undefined;
  return (refused) => {
    const asked = performance.now();
    const isOver =
      kept !== undefined &&
      (kept.token === undefined
        ? asked - kept.asked > OVERDUE
        : refused !== undefined && kept.token === refused);
    if (kept === undefined || isOver) kept = { answer: get(), asked };
    return kept.answer;
  };

  async function get(): Promise<string> {
    // Not before `kept` is set.
    await undefined;
    const asking = kept;
    try {
      const token = await ask();
      if (typeof token !== "string") throw new TypeError("The function given as token gave no string.");
      if (asking !== undefined) asking.token = token;
      return token;
    } catch (error) {
      if (kept === asking) kept = undefined;
      throw error;
    }
  }
}

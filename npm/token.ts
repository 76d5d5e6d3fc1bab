/** Where a gateway's token comes from. */
export type AskForToken = () => string | Promise<string>;

/**
 * Asks for the token at the first request and keeps it; asks anew where the server refused the one it
 * gave. Requests that need it at the same time share one answer. A failure is not kept.
 */
export function keptToken(ask: AskForToken): (refused?: string) => Promise<string> {
  let kept: { answer: Promise<string>; token?: string } | undefined;
  return (refused) => {
    if (kept === undefined || (refused !== undefined && kept.token === refused)) kept = { answer: get() };
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

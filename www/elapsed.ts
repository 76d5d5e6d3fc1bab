/** "4.2 s", and from a minute on "1 min 04 s": tenths say nothing any more by then. */
export function formatElapsed(milliseconds: number): string {
  const tenths = Math.floor(milliseconds / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.floor(tenths / 10);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/**
 * Lets the passing time be read in `display`, until the returned function is called, which answers the final time:
 * `took` milliseconds, where that is known better than from here.
 *
 * @param begun when it began, in Unix milliseconds; the clock of the machine may have been set since
 */
export function startClock(display: HTMLElement, begun = Date.now()): (took?: number) => string {
  const start = performance.now() - Math.max(0, Date.now() - begun);
  const show = (took = performance.now() - start): string => {
    const time = formatElapsed(took);
    display.textContent = time;
    return time;
  };
  const timer = setInterval(show, 100);
  let final: string | null = null;
  show();
  return (took) => {
    clearInterval(timer);
    final ??= show(took);
    return final;
  };
}

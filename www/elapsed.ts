/** "4.2 s", and from a minute on "1 min 04 s": tenths say nothing any more by then. */
export function formatElapsed(milliseconds: number): string {
  const tenths = Math.floor(milliseconds / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.floor(tenths / 10);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** Lets the passing time be read in `display`, until the returned function is called, which answers the final time. */
export function startClock(display: HTMLElement): () => string {
  const start = performance.now();
  const show = (): string => {
    const time = formatElapsed(performance.now() - start);
    display.textContent = time;
    return time;
  };
  const timer = setInterval(show, 100);
  let final: string | null = null;
  show();
  return () => {
    clearInterval(timer);
    final ??= show();
    return final;
  };
}

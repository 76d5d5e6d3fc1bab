/**
 * A caller's signal as the WebAssembly sees it: however many calls there are on it at once, one listener hears
 * it for all of them. Node warns of a leak from the eleventh on.
 */
export class SharedSignal {
  readonly #signal: AbortSignal;
  readonly #listeners = new Set<() => void>();
  readonly #tell = () => {
    for (const listener of this.#listeners) listener();
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  get aborted(): boolean {
    return this.#signal.aborted;
  }

  get reason(): unknown {
    return this.#signal.reason;
  }

  addEventListener(event: "abort", listener: () => void): void {
    if (this.#listeners.size === 0) this.#signal.addEventListener(event, this.#tell);
    this.#listeners.add(listener);
  }

  removeEventListener(event: "abort", listener: () => void): void {
    this.#listeners.delete(listener);
    // A signal may live as long as the process; nothing of ours stays on it.
    if (this.#listeners.size === 0) this.#signal.removeEventListener(event, this.#tell);
  }
}

const shared = new WeakMap<AbortSignal, SharedSignal>();

/** The one that all calls on this signal share. */
export function sharedSignal(signal: AbortSignal): SharedSignal {
  const known = shared.get(signal) ?? new SharedSignal(signal);
  shared.set(signal, known);
  return known;
}

import { invalid } from "./errors.js";

type Listeners = Set<() => void> & { notify?: () => void };

/**
 * Who listens to a caller's signal. However many calls there are on it, one listener hears it for all of
 * them: Node warns of a leak from the eleventh on.
 */
const listeners = new WeakMap<AbortSignal, Listeners>();

/**
 * Listens to a signal, until the returned function is called: a signal may live as long as the process, and
 * nothing of ours stays on it.
 */
export function listen(signal: AbortSignal, listener: () => void): () => void {
  const all: Listeners = listeners.get(signal) ?? new Set();
  const notify = () => {
    for (const each of all) each();
  };
  all.notify ??= notify;
  if (all.size === 0) {
    try {
      signal.addEventListener("abort", all.notify);
    } catch (cause) {
      throw invalid("The signal cannot be listened to. Give the signal of an AbortController.", cause);
    }
  }
  listeners.set(signal, all);
  all.add(listener);
  return () => {
    if (all.delete(listener) && all.size === 0 && all.notify) {
      signal.removeEventListener("abort", all.notify);
    }
  };
}

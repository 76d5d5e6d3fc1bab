import { putIfAbsent, type Store } from "./store.js";

const PREFIX = "crisp-upscale-callback/";
/** In milliseconds. No callback is accepted so long: a tolerance is a day at most, to either side. */
const LIFETIME = 2 * 24 * 60 * 60 * 1000;
/** In milliseconds. */
const BETWEEN_TIDYINGS = 60 * 60 * 1000;

/** When each store was tidied, in Unix milliseconds. */
const tidied = new WeakMap<Store, number>();

/** Whether a callback has handed out the end of this task. */
export async function isHandedOut(store: Store, taskId: string): Promise<boolean> {
  return (await store.get(PREFIX + taskId)) != null;
}

/** Remembers that a callback hands out the end of this task; `false` where another was faster. */
export async function handOut(store: Store, taskId: string): Promise<boolean> {
  await tidy(store);
  return putIfAbsent(store, PREFIX + taskId, String(Date.now()));
}

/** Forgets that a callback handed out the end of this task, since it did not. */
export async function takeBack(store: Store, taskId: string): Promise<void> {
  await store.delete(PREFIX + taskId);
}

async function tidy(store: Store): Promise<void> {
  const now = Date.now();
  if (now - (tidied.get(store) ?? 0) < BETWEEN_TIDYINGS) return;
  tidied.set(store, now);
  for (const name of [...(await store.keys())]) {
    if (name.startsWith(PREFIX) && now - Number(await store.get(name)) > LIFETIME) await store.delete(name);
  }
}

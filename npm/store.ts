type Awaitable<T> = T | Promise<T>;

/**
 * Where an `Upscaler` keeps what it must not forget: text under names, as in a `Map`, which is one.
 * What it keeps is written before a task is made, so that a crash or a reload loses nothing that is paid for.
 */
export interface Store {
  /** The text under a name; `undefined` or `null` where there is none. */
  get(name: string): Awaitable<string | null | undefined>;
  /** Keeps a text under a name. It is kept for good once the promise is fulfilled. */
  set(name: string, text: string): Awaitable<unknown>;
  /** Forgets a name, whether it is known or not. */
  delete(name: string): Awaitable<unknown>;
  /** All names. Others than this package's are left alone. */
  keys(): Awaitable<Iterable<string>>;
  /**
   * Keeps a text under a name unless there is one; tells whether it did. Two callers at once, also in
   * two tabs, must not both be told that they did. Without it, an `idempotencyKey` holds within one `Upscaler` only.
   */
  putIfAbsent?(name: string, text: string): Awaitable<boolean>;
}

/** {@link Store.putIfAbsent}, or as much of it as a store without one allows. */
export async function putIfAbsent(store: Store, name: string, text: string): Promise<boolean> {
  if (store.putIfAbsent !== undefined) return store.putIfAbsent(name, text);
  const kept = store.get(name);
  // A `Map` is not waited for, so that nobody comes in between.
  if ((typeof kept === "object" ? await kept : kept) != null) return false;
  await store.set(name, text);
  return true;
}

/**
 * A store in `localStorage` or `sessionStorage`.
 *
 * It has no `putIfAbsent`: each process of a browser reads a copy of its own, which a Web Lock does not bring up to
 * date, so two tabs can both find that a name is free (seen in Chromium). Use {@link indexedDb} for that.
 *
 * @param storage `localStorage` outlives the tab and is shared with others; `sessionStorage` is the tab's own.
 */
export function webStorage(storage: Storage): Store {
  return {
    get: (name) => storage.getItem(name),
    set: (name, text) => storage.setItem(name, text),
    delete: (name) => storage.removeItem(name),
    keys: () => Object.keys(storage),
  };
}

const OBJECTS = "texts";

/**
 * A store in IndexedDB, which service workers have as well.
 *
 * @param database The database's name, which no one else may use.
 */
export function indexedDb(database = "crisp-upscale"): Store {
  let opening: Promise<IDBDatabase> | undefined;
  const open = () => {
    opening ??= opened(database).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  const within = async <T>(mode: IDBTransactionMode, use: (objects: IDBObjectStore) => IDBRequest<T>) => {
    const transaction = (await open()).transaction(OBJECTS, mode, { durability: "strict" });
    const request = use(transaction.objectStore(OBJECTS));
    return new Promise<T>((resolve, reject) => {
      // Not the request's success, but the end of its transaction, says that it is written.
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? request.error);
    });
  };
  return {
    get: (name) => within<string | undefined>("readonly", (objects) => objects.get(name)),
    set: (name, text) => within("readwrite", (objects) => objects.put(text, name)),
    delete: (name) => within("readwrite", (objects) => objects.delete(name)),
    keys: async () => (await within("readonly", (objects) => objects.getAllKeys())).map(String),
    putIfAbsent: async (name, text) => {
      try {
        await within("readwrite", (objects) => objects.add(text, name));
        return true;
      } catch (error) {
        if (error instanceof DOMException && error.name === "ConstraintError") return false;
        throw error;
      }
    },
  };
}

function opened(database: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(database, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(OBJECTS);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

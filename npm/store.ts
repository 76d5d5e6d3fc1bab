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

const REPLACING = "crisp-upscale-replacing/";

/**
 * Replaces a text, or removes it, if it is still the one that the caller has read. Of several callers only one is told
 * that it did, as far as the store's `putIfAbsent` holds.
 *
 * @param old What the caller has read.
 * @param text What to keep in its place; `undefined` to remove it.
 */
export async function replaceIfUnchanged(
  store: Store,
  name: string,
  old: string,
  text: string | undefined,
): Promise<boolean> {
  // All who replace a text hold this name meanwhile. The text is read again under it: another may have held it before.
  const claim = REPLACING + name;
  if (!(await putIfAbsent(store, claim, ""))) return false;
  try {
    if ((await store.get(name)) !== old) return false;
    if (text === undefined) await store.delete(name);
    else await store.set(name, text);
    return true;
  } finally {
    await store.delete(claim);
  }
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
    const connection = opened(database, () => {
      if (opening === connection) opening = undefined;
    });
    connection.catch(() => {
      if (opening === connection) opening = undefined;
    });
    return connection;
  };
  const within = async <T>(mode: IDBTransactionMode, use: (objects: IDBObjectStore) => IDBRequest<T>) => {
    opening ??= open();
    const connection = opening;
    try {
      return await transact(await connection, mode, use);
    } catch (error) {
      // Nothing of an aborted transaction is kept, so it can be made again.
      if (!isClosed(error)) throw error;
      if (opening === connection) opening = undefined;
      opening ??= open();
      return transact(await opening, mode, use);
    }
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
        if (nameOf(error) === "ConstraintError") return false;
        throw error;
      }
    },
  };
}

function transact<T>(
  database: IDBDatabase,
  mode: IDBTransactionMode,
  use: (objects: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const transaction = database.transaction(OBJECTS, mode, { durability: "strict" });
  const request = use(transaction.objectStore(OBJECTS));
  return new Promise<T>((resolve, reject) => {
    // Not the request's success, but the end of its transaction, says that it is written.
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error ?? request.error);
  });
}

/** Whether an error says that the connection was closed, by the browser or since its database was deleted. */
function isClosed(error: unknown): boolean {
  return ["InvalidStateError", "AbortError"].includes(nameOf(error));
}

function nameOf(error: unknown): string {
  return error instanceof DOMException ? error.name : "";
}

/** A database that cannot be opened for so long is held by somebody else; in milliseconds. */
const OPEN_TIMEOUT = 10_000;

/** How often a database is opened anew that lacks our objects, or was changed by another tab meanwhile. */
const MAX_UPGRADES = 3;

/**
 * Opens the database, and makes what it lacks: somebody may have made one of the same name.
 *
 * @param closed Called when the connection is of no more use.
 */
async function opened(database: string, closed: () => void): Promise<IDBDatabase> {
  let version: number | undefined;
  for (let nth = 0; ; nth += 1) {
    let connection: IDBDatabase;
    try {
      connection = await connect(database, version);
    } catch (error) {
      // Another tab was faster.
      if (nameOf(error) !== "VersionError" || nth >= MAX_UPGRADES) throw error;
      version = undefined;
      continue;
    }
    if (connection.objectStoreNames.contains(OBJECTS)) {
      connection.onversionchange = () => {
        // Somebody deletes or changes the database, and must not wait for us.
        connection.close();
        closed();
      };
      connection.onclose = closed;
      return connection;
    }
    version = connection.version + 1;
    connection.close();
    if (nth >= MAX_UPGRADES) throw new Error(`The database ${database} cannot be changed.`);
  }
}

/** Opens a connection. It may be blocked by another one, of which there is not always an event. */
function connect(database: string, version: number | undefined): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(database, version);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(
        new Error(`The database ${database} is held by another tab. Close the other tabs of this site.`),
      );
    }, OPEN_TIMEOUT);
    request.onupgradeneeded = () => {
      const { objectStoreNames } = request.result;
      if (!objectStoreNames.contains(OBJECTS)) request.result.createObjectStore(OBJECTS);
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      if (isLate) request.result.close();
      else resolve(request.result);
    };
    request.onerror = () => {
      clearTimeout(timer);
      reject(request.error);
    };
  });
}

// @ts-check
// Files of the caller's.

/** Node, or a runtime that is like it, whose FormData reads a file while it is sent. */
const READS_WHILE_SENDING = Boolean(/** @type {any} */ (globalThis).process?.versions?.node);

/** Whether this is a Blob of the runtime itself, of whatever realm; not one that another package has written. */
function isNativeBlob(/** @type {any} */ file) {
  const size = Object.getOwnPropertyDescriptor(Blob.prototype, "size")?.get;
  if (!size) return file instanceof Blob;
  try {
    size.call(file);
    return true;
  } catch {
    return false;
  }
}

/** An object, since the generator imports the functions of a module one by one under the same key. */
export const files = {
  /**
   * A part of a file.
   *
   * @param {import("./waits.js").Waits} waits
   * @param {Blob} file
   * @param {number} from
   * @param {number} to
   * @param {number} ms
   */
  readPart(waits, file, from, to, ms) {
    return waits.within(ms, async () => new Uint8Array(await file.slice(from, to).arrayBuffer()));
  },

  /**
   * A file as the runtime can send it: itself where it is a Blob of the runtime's own. In Node it is read first, since
   * its FormData (in Node 24) throws where nobody can catch it when a file on disk has changed meanwhile.
   *
   * @param {import("./waits.js").Waits} waits
   * @param {Blob} file
   * @param {number} ms
   */
  sendable(waits, file, ms) {
    return waits.within(ms, async () => {
      const isSafe = isNativeBlob(file) && !READS_WHILE_SENDING;
      return isSafe ? file : new Blob([await file.arrayBuffer()]);
    });
  },

  /**
   * The form of an upload; `undefined` where the file cannot be read.
   *
   * @param {string} path
   * @param {string} name
   * @param {string} type
   * @param {Blob} file
   */
  uploadForm(path, name, type, file) {
    try {
      const form = new FormData();
      form.append("uploadPath", path);
      form.append("fileName", name);
      // Typed by its content, and not by what the caller's file claims. No copy is made.
      form.append("file", file.slice(0, file.size, type), name);
      return form;
    } catch {}
  },
};

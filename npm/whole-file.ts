import { type FileHandle, link, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** What the name of a file begins with that is being written. */
export const TEMPORARY = ".temporary-";

/** What a file system without hard links answers, system by system. */
const NO_LINKS = ["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL"];
/** What a system answers that cannot write a folder to the disk. */
const NO_FOLDER_SYNC = ["EISDIR", "EPERM", "EACCES", "EINVAL", "EBADF", "ENOTSUP", "ENOSYS"];

/** The code of an error of the system, such as `ENOENT`; empty where there is none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/** Writes a file and replaces the one of that name in one step. It is on the disk once this resolves. */
export async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  const temporary = await writeTemporary(folder, text);
  try {
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/**
 * Creates a file together with its content, which is on the disk once this resolves. Where the file system has no hard
 * links, a crash can leave an empty or cut file.
 *
 * @returns Whether it did; `false` where there is a file of that name.
 */
export async function createFile(folder: string, name: string, text: string): Promise<boolean> {
  const path = join(folder, name);
  const temporary = await writeTemporary(folder, text);
  try {
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    if (!(await createInPlace(path, text))) return false;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(folder);
  return true;
}

/** Writes the names in a folder to the disk, where the system can. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, "r");
    await handle.sync();
  } catch (error) {
    if (!NO_FOLDER_SYNC.includes(codeOf(error))) throw error;
  } finally {
    await handle?.close();
  }
}

async function writeTemporary(folder: string, text: string): Promise<string> {
  const path = join(folder, `${TEMPORARY}${crypto.randomUUID()}`);
  await write(path, text);
  return path;
}

async function createInPlace(path: string, text: string): Promise<boolean> {
  try {
    await write(path, text);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Writes a new file that its owner alone can read. A file that could not be written whole is removed. */
async function write(path: string, text: string): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await handle.close();
    await rm(path, { force: true });
    throw error;
  }
  await handle.close();
}

import { execFile } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { promisify } from "node:util";

/** Who works on an image: a process, recognised also where its id was given to another one since. */
export interface Holder {
  /** The run. Its file in the state folder is touched while it lives. */
  run: string;
  pid: number;
  /** When the process was started, in the system's own words; `null` where the system does not say. */
  started: string | null;
  host: string;
  /** The boot of the machine, and the container, in which the process id holds; `null` where there is no such thing. */
  boot: string | null;
  container: string | null;
}

/** This process. */
export async function thisHolder(run: string): Promise<Holder> {
  const { pid } = process;
  return { run, pid, started: (await startOf(pid)) ?? null, ...(await place()) };
}

/**
 * Whether the process still runs.
 *
 * @returns `undefined` where it cannot be seen from here: it is on another machine or in another container.
 */
export async function isAlive(holder: Holder): Promise<boolean | undefined> {
  const { host, boot, container } = await place();
  const isSameBoot = boot !== null && boot === holder.boot;
  if (host !== holder.host && !isSameBoot) return undefined;
  if (boot !== holder.boot) return false;
  if (host !== holder.host || container !== holder.container) return undefined;
  const started = await startOf(holder.pid);
  if (started === undefined) return false;
  return holder.started === null || started === null || started === holder.started;
}

/** When a process was started; `null` where the system does not say, and `undefined` where there is no such process. */
async function startOf(pid: number): Promise<string | null | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return undefined;
  }
  if (process.platform === "linux") {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
    if (stat === undefined) return undefined;
    // The name in parentheses may hold anything. After it come the state, and 18 fields later the start in clock ticks.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return "ZX".includes(fields[0] ?? "") ? undefined : (fields[19] ?? null);
  }
  if (process.platform === "win32") return null;
  const ps = await promisify(execFile)("ps", ["-o", "lstart=", "-p", String(pid)]).catch(() => undefined);
  return ps === undefined ? null : ps.stdout.trim() || undefined;
}

let known: Promise<Pick<Holder, "host" | "boot" | "container">> | undefined;

function place() {
  known ??= (async () => ({
    host: hostname(),
    boot: await readFile("/proc/sys/kernel/random/boot_id", "utf8").then(
      (id) => id.trim(),
      () => null,
    ),
    container: await readlink("/proc/self/ns/pid").catch(() => null),
  }))();
  return known;
}

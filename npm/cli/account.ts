import { randomBytes, scryptSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, createFile } from "../whole-file.js";
import { Failed } from "./failed.js";
import type { Service } from "./service.js";

const FILE = "account.json";
const FORMAT = 1;

/** To whom a state folder belongs. */
interface Account {
  format: number;
  service: string;
  salt: string;
  /** Derived from the account's key, which cannot be found from it. */
  fingerprint: string;
}

/**
 * Checks that a state folder belongs to the service and account of this run.
 *
 * @param create Whether a folder that belongs to nobody becomes this run's.
 */
export async function checkAccount(folder: string, service: Service, create: boolean): Promise<void> {
  for (;;) {
    const account = await read(folder);
    if (account !== undefined) return compare(folder, account, service);
    if (!create) return;
    const salt = randomBytes(16).toString("hex");
    const fresh: Account = {
      ...{ format: FORMAT, service: service.url, salt },
      fingerprint: fingerprint(service.account, salt),
    };
    await createFile(folder, FILE, `${JSON.stringify(fresh)}\n`);
  }
}

async function read(folder: string): Promise<Account | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, FILE), "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(error))) return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Failed(`${join(folder, FILE)} is cut off. If no image was ordered with it yet, delete it.`, 2);
  }
}

function compare(folder: string, { format, service, salt, fingerprint: known }: Account, run: Service): void {
  const which = (what: string) =>
    `The state in ${folder} belongs to ${what}. Nothing was sent. Use --out or --state with another folder.`;
  if (format !== FORMAT) throw new Failed(which("another version of this command"), 2);
  if (service !== run.url) throw new Failed(which(`another service, ${service}`), 2);
  if (known !== fingerprint(run.account, salt)) {
    throw new Failed(
      which(`another account of ${service}: the ${run.gateway ? "token" : "key"} is not the same`),
      2,
    );
  }
}

/** Slow on purpose, so that not even a weak token can be found by trying. */
function fingerprint(account: string, salt: string): string {
  return scryptSync(account, salt, 16).toString("hex");
}

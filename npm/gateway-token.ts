import { invalid } from "./errors.js";
import { members, reading } from "./options.js";
import { inPage } from "./runtime.js";

/** What {@link mintToken} makes a token of. */
export interface MintOptions {
  /** The gateway's `TOKEN_SECRET`, 32 bytes at least. It is to be known to your server and the gateway alone. */
  secret: string;
  /**
   * The caller: a name that sets each of your users apart, 1 to 200 characters, none of them a control
   * character. A new token of the same name sees the jobs of the old one.
   */
  sub: string;
  /**
   * For how long the token is good, in whole seconds; a day at most.
   * @defaultValue 3600
   */
  expiresIn?: number;
  /** How many tasks the caller may make in an hour, a whole number; by default what the gateway's settings say. */
  tasksPerHour?: number;
}

/** A day, which is the most that the gateway takes; in seconds. */
const MAX_LIFETIME = 86_400;

/** The largest number that the gateway takes. */
const MAX_TASKS = 2 ** 32 - 1;

/**
 * Makes a token for the gateway, on your own server, which knows its visitor. Hand it to the page, whose
 * `Upscaler` takes it as `token`. It is a JSON Web Token (HS256), so that any other library can make it, too.
 *
 * ```ts
 * const token = await mintToken({ secret, sub: user.id, expiresIn: 600 });
 * ```
 *
 * @returns The token.
 * @throws {@link UpscaleError} of the kind `invalid-input`; also in a web page, where every visitor could
 *   read the secret.
 */
export async function mintToken(options: MintOptions): Promise<string> {
  const { secret, sub, expiresIn, tasksPerHour } = reading("options", () => {
    const { secret, sub, expiresIn, tasksPerHour } = members(options);
    return { secret, sub, expiresIn: expiresIn ?? 3600, tasksPerHour: tasksPerHour ?? undefined };
  });
  if (inPage())
    throw invalid("In a web page every visitor could read the secret. Make the token on your server.");
  if (typeof secret !== "string") throw invalid("The secret is no text. Give the gateway's TOKEN_SECRET.");
  const key = bytesOf(secret);
  if (key.length < 32) {
    throw invalid(
      `The secret has ${key.length} bytes and must have 32 at least. Make one with: openssl rand -hex 32`,
    );
  }
  if (typeof sub !== "string" || sub === "" || [...sub].length > 200 || /[\p{Cc}\p{Cs}]/u.test(sub)) {
    throw invalid("The sub must be a text of 1 to 200 characters, none of them a control character.");
  }
  if (!isWhole(expiresIn, 1, MAX_LIFETIME)) {
    throw invalid(`The expiresIn must be a whole number of seconds, 1 to ${MAX_LIFETIME}.`);
  }
  if (tasksPerHour !== undefined && !isWhole(tasksPerHour, 0, MAX_TASKS)) {
    throw invalid("The tasksPerHour must be a whole number, 0 or more.");
  }
  const exp = Math.floor(Date.now() / 1000) + expiresIn;
  const signed = [
    { alg: "HS256", typ: "JWT" },
    { sub, exp, tasksPerHour },
  ]
    .map((part) => base64Url(bytesOf(JSON.stringify(part))))
    .join(".");
  return `${signed}.${base64Url(await hmac(key, bytesOf(signed)))}`;
}

function isWhole(number: unknown, least: number, most: number): boolean {
  return Number.isInteger(number) && Number(number) >= least && Number(number) <= most;
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function hmac(key: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  try {
    const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
  } catch (cause) {
    throw invalid("This runtime has no HMAC in crypto.subtle.", cause);
  }
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

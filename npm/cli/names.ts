import { createHash } from "node:crypto";

/** What is put between a file's name and its ending. */
const MARK = { real: ".crisp", sandbox: ".crisp-sandbox" };
/** The names of results, from every run and service. */
const RESULT = /\.crisp(-sandbox)?(-[0-9a-f]{8})?\.(png|jpg|webp)$/i;
/** The endings of results. */
export const ENDINGS = ["png", "jpg", "webp"] as const;
/** How long a name may be in bytes, so that there is room for what is added to it. */
const LONGEST = 200;

/** Whether a file's name says that it is a result of this command. */
export function isResult(name: string): boolean {
  return RESULT.test(name);
}

/** The names that a result may have, without its ending, in the order of preference. */
export function resultNames(
  stem: string,
  source: string,
  sandbox: boolean,
): [plain: string, distinct: string] {
  const plain = stem + (sandbox ? MARK.sandbox : MARK.real);
  return [plain, `${plain}-${sha256(source).slice(0, 8)}`];
}

/** A file's name without its ending, no longer than a file system takes. */
export function stemOf(name: string): string {
  const stem = name.replace(/(?<=.)\.[^.]*$/, "") || "image";
  if (Buffer.byteLength(stem) <= LONGEST) return stem;
  const digest = sha256(stem).slice(0, 8);
  let cut = stem;
  while (Buffer.byteLength(cut) > LONGEST) cut = [...cut].slice(0, -1).join("");
  return `${cut}-${digest}`;
}

/** The name of what a URL leads to, as a file may be called in every system. */
export function nameOfUrl(url: URL): string {
  const last =
    url.pathname
      .split("/")
      .filter((part) => part !== "")
      .at(-1) ?? "";
  let name = last;
  try {
    name = decodeURIComponent(last);
  } catch {
    // It is no UTF-8: it stays as it is.
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be replaced
  name = name.replace(/[\x00-\x1f\x7f/\\:*?"<>|]/g, "_").replace(/^\.+/, "");
  return name || "image";
}

/** The SHA-256 of a text or a file, in hexadecimal digits. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

// @ts-check

/** 128 random bits in hexadecimal. Not `randomUUID`, which a page has only where it came by https. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

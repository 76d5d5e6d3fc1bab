/** A body that was read whole, or that has more bytes than were wanted of it. */
export type Bytes = { bytes: Uint8Array<ArrayBuffer> } | { tooLarge: true };

/** Reads a body of at most `limit` bytes, and no more of it than that. */
export async function read(message: Request | Response, limit: number): Promise<Bytes> {
  const announced = Number(message.headers.get("content-length") ?? 0);
  if (announced > limit) {
    await message.body?.cancel();
    return { tooLarge: true };
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = message.body?.getReader();
  for (;;) {
    const next = await reader?.read();
    if (next === undefined || next.done) break;
    chunks.push(next.value);
    length += next.value.length;
    if (length > limit) {
      await reader?.cancel();
      return { tooLarge: true };
    }
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { bytes };
}

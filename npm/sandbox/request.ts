import { read } from "../bytes.js";
import type { Form, SandboxEvent } from "./turn.js";

/** More than any upload needs, in bytes: 10 MB as base64 are 14. */
const MAX_BODY = 32 * 1024 * 1024;

/** A request as the Rust crate takes it; `undefined` where its body is larger than any should be. */
export async function toEvent(request: Request) {
  const body = await read(request, MAX_BODY);
  if ("tooLarge" in body) return undefined;
  const url = new URL(request.url);
  const multipart = /^multipart\/form-data/i.test(request.headers.get("content-type") ?? "");
  const { form, bytes } = multipart ? await parseForm(request, body.bytes) : { form: null, ...body };
  const event: SandboxEvent = {
    type: "request",
    method: request.method,
    origin: url.origin,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    authorization: request.headers.get("authorization"),
    range: request.headers.get("range"),
    form,
  };
  return { event, bytes };
}

/** The form's texts, and the bytes of its field `file`. What cannot be parsed is an empty form. */
async function parseForm(request: Request, body: Uint8Array<ArrayBuffer>) {
  const form: Form = { fields: {} };
  let bytes = new Uint8Array();
  const headers = { "content-type": request.headers.get("content-type") ?? "" };
  const entries = await new Response(body, { headers }).formData().catch(() => new FormData());
  for (const [name, value] of entries) {
    if (typeof value === "string") form.fields[name] = value;
    else if (name === "file") {
      form.fileName = value.name;
      bytes = new Uint8Array(await value.arrayBuffer());
    }
  }
  return { form, bytes };
}

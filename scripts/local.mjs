// @ts-check
// The demo page's own server. It keeps the key and passes on three calls of the API, each only as
// this page makes them: any page in the same browser can post to localhost, too.
import { randomUUID } from "node:crypto";

const MODEL = "recraft/crisp-upscale";
const CREATE_TASK = "/api/v1/jobs/createTask";
const RECORD_INFO = "/api/v1/jobs/recordInfo";
const UPLOAD = "/api/file-stream-upload";
const MAX_BODY = 64 * 1024;
/** The largest file that the service takes, in bytes. */
const MAX_FILE = 10 * 1024 * 1024;

/** The types that it takes, and how their files' names end. */
const EXTENSIONS = new Map([
  ["image/jpeg", "jpg"],
  ["image/png", "png"],
  ["image/webp", "webp"],
]);
/** How many attempts are remembered; the page makes one at a time. */
const MAX_ATTEMPTS = 1000;

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "connect-src 'self'",
  // The image that somebody pastes, and the result, come from anywhere.
  "img-src 'self' http: https: data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * @typedef {object} Upstream
 * @property {"sandbox" | "kie.ai"} name
 * @property {string | undefined} baseUrl undefined where it answers at this server's own origin
 * @property {string} key
 * @property {(request: Request) => Promise<Response>} fetch
 * @property {string | undefined} uploadBaseUrl where files go to; undefined where that is this
 *   server's own origin, too, from which the upstream can fetch then
 */

/**
 * @param {object} options
 * @param {Upstream} options.upstream
 * @param {(path: string) => { body: Buffer<ArrayBuffer>, type: string } | undefined} options.files
 *   the page
 * @param {typeof import("../dist/node.js").Upscaler} options.Upscaler
 * @returns {(request: Request, connection: { port: number | undefined }) => Promise<Response>}
 */
export function localServer({ upstream, files, Upscaler }) {
  /**
   * What came of each createTask, by its Idempotency-Key: the page sends one again when it does not know.
   *
   * @type {Map<string, Promise<Response>>}
   */
  const attempts = new Map();

  return async (request, { port }) => {
    // Its host and port are those of the `Host` header.
    const url = new URL(request.url);
    const isLoopback = url.hostname === "127.0.0.1" || url.hostname === "localhost";
    // A name that an attacker's DNS points here would be that page's own origin.
    if (!isLoopback || Number(url.port || 80) !== port) {
      return refusal(403, "This server answers to its own loopback address only.", 401);
    }
    if (url.pathname.startsWith("/api/") || url.pathname.startsWith("/download/")) {
      if (!isOwn(request, url)) return refusal(403, "This server answers to its own page only.", 401);
      if (request.method === "POST" && url.pathname === CREATE_TASK) return createTask(request, url);
      if (request.method === "GET" && url.pathname === RECORD_INFO)
        return pass(url, `${RECORD_INFO}${url.search}`);
      if (request.method === "POST" && url.pathname === UPLOAD) return upload(request, url);
      if (request.method === "GET" && url.pathname.startsWith("/download/")) return download(url);
      return refusal(404, "This server passes on createTask, recordInfo and file-stream-upload only.");
    }
    if (request.method !== "GET" && request.method !== "HEAD") return refusal(405, "Only GET here.");
    if (url.pathname === "/config.json") return Response.json({ upstream: upstream.name });
    // The sandbox's results are at its own origin, which is this one.
    if (upstream.name === "sandbox" && url.pathname.startsWith("/files/")) return upstream.fetch(request);
    return page(url);
  };

  /**
   * @param {Request} request
   * @param {URL} url
   */
  async function createTask(request, url) {
    // A form or a text can be posted across origins without asking; JSON cannot.
    if (!/^application\/json\s*(;|$)/i.test(request.headers.get("content-type") ?? "")) {
      return refusal(415, "createTask is taken as application/json only.", 400);
    }
    const body = await json(request);
    if (body === undefined) return refusal(400, "The body is not JSON, or longer than 64 KB.");
    const attempt = request.headers.get("idempotency-key");
    if (attempt === null) return make(body, url);
    const answer = attempts.get(attempt) ?? make(body, url);
    attempts.set(attempt, answer);
    for (const oldest of attempts.keys()) if (attempts.size > MAX_ATTEMPTS) attempts.delete(oldest);
    const reply = await answer;
    // Nothing was made, so the next try is a new one.
    if (await isLimited(reply.clone())) attempts.delete(attempt);
    return reply.clone();
  }

  /**
   * @param {any} body
   * @param {URL} url
   */
  async function make(body, url) {
    const image = body.input?.image;
    if (body.model !== MODEL) return refusal(422, `Only the model ${MODEL} is passed on.`);
    if (typeof image !== "string") return refusal(422, "input.image is not a string.");
    const reachable = await reachableImage(image, url);
    if (reachable instanceof Response) return reachable;
    // From our own fields, so that nothing else of a page's making reaches the service.
    return pass(url, CREATE_TASK, JSON.stringify({ model: MODEL, input: { image: reachable } }));
  }

  /**
   * Nobody outside can fetch from this machine, so a sample is uploaded first.
   *
   * @param {string} image
   * @param {URL} url
   * @returns {Promise<string | Response>}
   */
  async function reachableImage(image, url) {
    if (upstream.uploadBaseUrl === undefined || !URL.canParse(image)) return image;
    const { origin, pathname } = new URL(image);
    if (origin !== url.origin) return image;
    const file = pathname.startsWith("/samples/") ? files(pathname) : undefined;
    if (file === undefined)
      return refusal(422, "The service cannot fetch from this machine. Use a public URL.");
    try {
      const reply = await pass(url, UPLOAD, formOf(new Blob([file.body], { type: file.type })));
      const { data } = await reply.json();
      if (typeof data?.downloadUrl === "string") return data.downloadUrl;
    } catch {
      // As where there is no URL in the answer.
    }
    // Nothing was made yet, so this is a refusal and not an unknown outcome.
    return refusal(503, "The sample could not be uploaded. Try again later.", 455);
  }

  /**
   * @param {Request} request
   * @param {URL} url
   */
  async function upload(request, url) {
    const type = request.headers.get("content-type") ?? "";
    if (!/^multipart\/form-data\s*;/i.test(type)) {
      return refusal(415, "A file is taken as multipart/form-data only.", 400);
    }
    const body = await read(request, MAX_FILE + MAX_BODY);
    if (body === undefined) return refusal(413, "The file has more than 10 MB.", 400);
    const form = await new Response(body, { headers: { "content-type": type } }).formData().catch(() => null);
    const file = form?.get("file");
    if (!(file instanceof Blob)) return refusal(400, "There is no file in the form.");
    if (file.size > MAX_FILE) return refusal(413, "The file has more than 10 MB.", 400);
    if (!EXTENSIONS.has(file.type)) return refusal(400, "The file is not a jpeg, png or webp.");
    return pass(url, UPLOAD, formOf(file));
  }

  /**
   * @param {URL} url
   * @param {string} path
   * @param {string | FormData} [body] JSON, or the form of an upload
   */
  async function pass(url, path, body) {
    const headers = new Headers({ authorization: `Bearer ${upstream.key}` });
    // A form brings its own type.
    if (typeof body === "string") headers.set("content-type", "application/json");
    const method = body === undefined ? "GET" : "POST";
    const base = body instanceof FormData ? upstream.uploadBaseUrl : upstream.baseUrl;
    try {
      const reply = await upstream.fetch(
        new Request((base ?? url.origin) + path, {
          method,
          headers,
          body: body ?? null,
          redirect: "manual",
        }),
      );
      const text = await reply.text();
      const passed = new Headers({ "content-type": "application/json", "cache-control": "no-store" });
      const retryAfter = reply.headers.get("retry-after");
      if (retryAfter !== null) passed.set("retry-after", retryAfter);
      // A redirect is not followed; the page gets an answer that it cannot take for the API's.
      const status = reply.status < 400 && !reply.ok ? 502 : reply.status;
      return new Response(text.replaceAll(upstream.key, "[key]"), { status, headers: passed });
    } catch {
      // No envelope: the client must not take this for a refusal, since the task may have been made.
      return new Response("No answer came from upstream.", { status: 502 });
    }
  }

  /**
   * The result, through the page's own origin, since a browser saves no file of another one.
   *
   * @param {URL} url
   */
  async function download(url) {
    try {
      const { fetch: upstreamFetch, key: apiKey, baseUrl = url.origin } = upstream;
      const upscaler = new Upscaler({ apiKey, baseUrl, fetch: upstreamFetch });
      const { resultUrls } = await upscaler.getTask(
        decodeURIComponent(url.pathname.slice("/download/".length)),
      );
      const [result] = resultUrls;
      if (result === undefined) return refusal(404, "This task has no result.");
      // Without the key: results live on another host.
      const file = await (upstream.name === "sandbox" ? upstream.fetch(new Request(result)) : fetch(result));
      if (!file.ok) return refusal(502, "The result could not be fetched.");
      const type = file.headers.get("content-type") ?? "application/octet-stream";
      const extension = /^image\/(png|jpeg|webp)/.exec(type)?.[1] ?? "bin";
      return new Response(file.body, {
        headers: {
          "content-type": type,
          "content-disposition": `attachment; filename="upscaled.${extension}"`,
          "x-content-type-options": "nosniff",
        },
      });
    } catch {
      return refusal(502, "The result could not be fetched.");
    }
  }

  /** @param {URL} url */
  function page(url) {
    const file = files(url.pathname);
    if (file === undefined) return refusal(404, "There is no such file.");
    return new Response(file.body, {
      headers: {
        "content-type": file.type,
        "cache-control": "no-cache",
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
      },
    });
  }
}

/**
 * Whether the request comes from this server's own page. Browsers put `Origin` on every POST
 * and `Sec-Fetch-Site` on everything; neither can be set by a script.
 *
 * @param {Request} request
 * @param {URL} url
 */
function isOwn(request, url) {
  const origin = request.headers.get("origin");
  if (origin !== null) return origin === url.origin;
  return request.headers.get("sec-fetch-site") === "same-origin";
}

/**
 * The form of an upload, with nothing of the page's making in it but the file: a name that was
 * used before would overwrite what has it.
 *
 * @param {Blob} file
 */
function formOf(file) {
  const name = `${randomUUID()}.${EXTENSIONS.get(file.type)}`;
  const form = new FormData();
  form.set("uploadPath", "images/crisp-upscale");
  form.set("fileName", name);
  form.set("file", file, name);
  return form;
}

/**
 * The body, counted while it comes: what a page claims of its length is not believed.
 *
 * @param {Request} request
 * @param {number} limit in bytes
 * @returns {Promise<Blob | undefined>} undefined where it is longer
 */
async function read(request, limit) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  return new Blob(chunks);
}

/**
 * @param {Request} request
 * @returns {Promise<any>} undefined where it is not JSON or too long
 */
async function json(request) {
  const body = await read(request, MAX_BODY);
  try {
    return JSON.parse((await body?.text()) ?? "") ?? undefined;
  } catch {
    return undefined;
  }
}

/** @param {Response} reply */
async function isLimited(reply) {
  try {
    return reply.status === 429 || (await reply.json()).code === 429;
  } catch {
    return false;
  }
}

/**
 * In the API's own envelope and with one of its codes, so that the page's client knows it for a
 * refusal: nothing was made.
 *
 * @param {number} status
 * @param {string} msg
 * @param {number} [code]
 */
function refusal(status, msg, code = status) {
  return Response.json({ code, msg, data: null }, { status });
}

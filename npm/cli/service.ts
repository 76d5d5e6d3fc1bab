import type { UpscalerOptions } from "crisp-upscale";
import { usage } from "./failed.js";

/** Where images are sent to, and on whose account. */
export interface Service {
  /** Its address, in one spelling. */
  url: string;
  /** What tells one account of it from another: its key, or the caller in a gateway's token. It is never written down. */
  account: string;
  gateway: boolean;
  sandbox: boolean;
  /** For an `Upscaler`. */
  options: Pick<UpscalerOptions, "baseUrl" | "uploadBaseUrl"> & ({ apiKey: string } | { token: string });
  /** Sends a request. */
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

/** The environment variable with a gateway's token. */
export const TOKEN = "CRISP_UPSCALE_TOKEN";

type Environment = Record<string, string | undefined>;

/** The service that the options and the environment name. */
export async function serviceOf(
  { sandbox, gateway }: { sandbox: boolean; gateway: string | undefined },
  env: Environment,
): Promise<Service> {
  if (sandbox && gateway !== undefined) throw usage("Give --sandbox or --gateway, not both.");
  if (sandbox) return standIn();
  const fetch = (request: Request) => globalThis.fetch(request);
  const close = async () => {};
  if (gateway !== undefined) {
    const token = env[TOKEN];
    if (!token) throw usage(`Set ${TOKEN} to the gateway's token.`);
    const url = addressOf(gateway, "--gateway");
    const options = { baseUrl: url, token };
    return { url, account: callerOf(token), gateway: true, sandbox: false, options, fetch, close };
  }
  const { KIE_API_KEY: apiKey, KIE_BASE_URL: base, KIE_UPLOAD_BASE_URL: upload } = env;
  if (!apiKey) {
    throw usage(
      "Set KIE_API_KEY to your key of kie.ai, or try the command with --sandbox, which needs none.",
    );
  }
  const url = addressOf(base || "https://api.kie.ai", "KIE_BASE_URL");
  const options = {
    apiKey,
    ...(base ? { baseUrl: url } : {}),
    ...(upload ? { uploadBaseUrl: addressOf(upload, "KIE_UPLOAD_BASE_URL") } : {}),
  };
  return { url, account: apiKey, gateway: false, sandbox: false, options, fetch, close };
}

/** The built-in stand-in for the service. It is over with this process. */
async function standIn(): Promise<Service> {
  const { createSandbox } = await import("crisp-upscale/sandbox");
  const url = "http://sandbox.invalid";
  const sandbox = createSandbox({ credits: 1_000_000 });
  return {
    ...{ url, account: "sandbox", gateway: false, sandbox: true },
    options: { apiKey: "sandbox", baseUrl: url },
    fetch: (request) =>
      request.url.startsWith(`${url}/`) ? sandbox.fetch(request) : globalThis.fetch(request),
    close: () => sandbox.close(),
  };
}

function addressOf(text: string, what: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw usage(`${what} must be an address that begins with https:// or http://.`);
  }
  return url.href.replace(/\/+$/, "");
}

/** Whom a gateway's token is for: it may be another one in each run. */
function callerOf(token: string): string {
  try {
    const { sub } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    if (typeof sub === "string") return `sub:${sub}`;
  } catch {
    // It is no JSON Web Token.
  }
  return token;
}

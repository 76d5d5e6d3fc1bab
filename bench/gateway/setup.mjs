// @ts-check
// What the rates and the load share: the gateway in workerd, the sandbox behind it, and the callers' tokens.
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { mintToken } from "../../dist/node.js";
import { startGateway } from "../../scripts/gateway.mjs";
import { startChild } from "../child.mjs";

export const KEY = "sk-0123456789abcdef0123456789abcdef";
const TOKEN_SECRET = "tokens are signed with this and nothing else";
export const OWNER_TOKEN = "the owner's own token";
/** How many callers share the calls. The gateway keeps a budget for each. */
const CALLERS = 20;

/** Tokens of the callers. */
export const bearers = await Promise.all(
  Array.from({ length: CALLERS }, (_, nth) => mintToken({ secret: TOKEN_SECRET, sub: `caller ${nth}` })),
);

/** Starts the sandbox in a process of its own, since the service has a machine of its own. */
export async function startUpstream() {
  const child = startChild("gateway/upstream", { env: { KEY } });
  const { url } = await child.next();
  return { url, close: child.close };
}

/**
 * Starts a new gateway without stored jobs.
 *
 * @param {string} upstream
 * @param {string} storage the folder for its own folder
 * @param {string} limit its CREATE_LIMIT
 */
export async function startOwnGateway(upstream, storage, limit) {
  return startGateway({
    storage: await mkdtemp(join(storage, "gateway-")),
    settings: {
      KIE_API_KEY: KEY,
      BASE_URL: upstream,
      UPLOAD_BASE_URL: upstream,
      TOKEN_SECRET,
      OWNER_TOKEN,
      CREATE_LIMIT: limit,
      TASKS_PER_HOUR: "none",
    },
  });
}

// @ts-check
// Next.js, which replaces the global fetch on its servers, caches what it sends, and prerenders pages.
import assert from "node:assert/strict";
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { installPackages } from "../../scripts/build.mjs";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { SMALL } from "../kit/images.mjs";
import { devServer, output } from "./start.mjs";

const CORS = { "access-control-allow-origin": "*", "access-control-allow-headers": "*, Authorization" };

/** How many polls of a task arrive before it has ended. */
const POLLS = 3;

/** A client that an answer from a cache keeps waiting has failed by then, in milliseconds. */
const TIMEOUT = 90_000;

/**
 * Next 16 fails to build any edge route by webpack, also one that imports nothing: it looks for a manifest that it has
 * not written.
 *
 * @type {[name: string, major: number, args: string[], edge: boolean][]}
 */
const BUILDS = [
  ["Next 14", 14, [], true],
  ["Next 16, Turbopack", 16, [], true],
  ["Next 16, webpack", 16, ["--webpack"], false],
];

/**
 * @param {import("./project.mjs").Project} project
 * @param {import("playwright-core").Browser} chromium
 * @returns {{ name: string, check: () => Promise<unknown> }[]}
 */
export function nextChecks({ installed }, chromium) {
  return BUILDS.map(([name, major, args, edge]) => ({
    name: `${name}: server component, route handler, ${edge ? "edge route, " : ""}client component, prerendered page`,
    check: () => check(installed, chromium, major, args, edge),
  }));
}

/**
 * @param {string} installed the package
 * @param {import("playwright-core").Browser} chromium
 * @param {number} major
 * @param {string[]} args of its build
 * @param {boolean} edge whether it builds edge routes
 */
async function check(installed, chromium, major, args, edge) {
  const tools = `${root}/tests/everywhere/next-${major}`;
  await installPackages(tools);
  // Below its packages, which are too large for a copy.
  const folder = `${tools}/output`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  await cp(`${root}/tests/everywhere/next`, folder, { recursive: true });
  if (!edge) await rm(join(folder, "app/edge"), { recursive: true });
  await cp(installed, join(folder, "node_modules/crisp-upscale"), { recursive: true });
  const service = await openService();
  const env = {
    SERVICE: service.url,
    NEXT_TELEMETRY_DISABLED: "1",
    ...(major >= 16 ? { TURBOPACK_ROOT: "1" } : {}),
  };
  const next = [process.execPath, `${tools}/node_modules/next/dist/bin/next`];
  try {
    await output(folder, [...next, "build", ...args], env);
    assert.equal(service.creates(), 0, "createTasks while building");
    const { url, close } = await devServer(folder, [...next, "start", "-H", "127.0.0.1", "-p", "0"], env)();
    try {
      await requests(url.replace(/\/$/, ""), service, chromium, edge);
    } finally {
      await close();
    }
  } finally {
    await service.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} url
 * @param {Awaited<ReturnType<typeof openService>>} service
 * @param {import("playwright-core").Browser} chromium
 * @param {boolean} edge
 */
async function requests(url, service, chromium, edge) {
  const get = async (/** @type {string} */ path) => {
    const response = await fetch(url + path, { signal: AbortSignal.timeout(TIMEOUT) });
    return /\[[^\]]*\]/.exec(await response.text())?.[0];
  };
  service.refuse();
  assert.equal(await get("/server"), "[insufficient-credits no]", "a server component, refused");
  // A refusal is not kept, and neither is a task.
  const edgeRoutes = edge ? ["/edge", "/edge"] : [];
  const paths = ["/server", "/server", "/route", "/route", ...edgeRoutes, "/prerendered"];
  for (const [index, path] of paths.entries()) {
    assert.equal(await get(path), `[t${index + 1} 32]`, path);
  }
  const page = await chromium.newPage();
  try {
    await page.goto(`${url}/client?service=${encodeURIComponent(service.url)}`);
    await page.getByText(`[t${paths.length + 1} 32]`).waitFor({ timeout: TIMEOUT });
  } finally {
    await page.close();
  }
  assert.equal(service.creates(), paths.length + 2, "createTasks, with the refused one");
  assert.deepEqual(service.polls(), Array(paths.length + 1).fill(POLLS), "recordInfos of each task");
}

/** A service whose tasks end at the third poll. */
async function openService() {
  /** @type {number[]} polls of each task */
  const tasks = [];
  let creates = 0;
  let refuses = false;
  const { url, close } = await serve(
    async (request) => {
      const { pathname, searchParams, origin } = new URL(request.url);
      if (request.method === "OPTIONS") return new Response(null, { headers: CORS });
      if (pathname === "/small.png") {
        return new Response(new Uint8Array(SMALL), { headers: { ...CORS, "content-type": "image/png" } });
      }
      if (pathname === "/api/v1/jobs/createTask") {
        creates += 1;
        if (refuses) {
          refuses = false;
          return reply(402, { msg: "Credits insufficient" });
        }
        tasks.push(0);
        return reply(200, { data: { taskId: `t${tasks.length}` } });
      }
      const taskId = String(searchParams.get("taskId"));
      const index = Number(taskId.slice(1)) - 1;
      const polls = (tasks[index] ?? 0) + 1;
      tasks[index] = polls;
      if (polls < POLLS) return reply(200, { data: { taskId, state: "generating" } });
      const resultJson = JSON.stringify({ resultUrls: [`${origin}/small.png`] });
      return reply(200, { data: { taskId, state: "success", resultJson } });
    },
    { port: 0 },
  );
  return {
    url,
    close,
    creates: () => creates,
    polls: () => tasks,
    /** Refuses the next createTask. */
    refuse() {
      refuses = true;
    },
  };
}

/**
 * @param {number} code
 * @param {object} rest
 */
function reply(code, rest) {
  return Response.json({ code, msg: "success", ...rest }, { headers: CORS });
}

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { portOf } from "./args.js";
import { Failed } from "./failed.js";
import { untilSignal } from "./sandbox.js";
import { serve } from "./serve.js";

const HELP = `Runs the demo page with its gateway on this machine, with the stand-in for kie.ai's API behind them.

  npm install wrangler            the page's server is Cloudflare's workerd, which comes with it
  npx crisp-upscale demo --port 8080

With KIE_API_KEY set, it uses the real service, and every upscale costs credits. Ctrl+C ends it.
`;

/** How long the sandbox leaves a task in each state, in milliseconds: as at the real service, with time to reload the page. */
const DELAYS = { waiting: 2000, queuing: 2000, generating: 4000 };
/** The folder of the package. */
const PACKAGE = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
/** How often it is looked whether the page is there, and for how long, in milliseconds. */
const LOOK = 200;
const START = 60_000;

/** The demo page with its gateway. @returns The exit code. */
export async function demo(argv: string[], stdout: NodeJS.WriteStream): Promise<number> {
  const { port, help } = portOf(argv, 8080);
  if (help) {
    stdout.write(HELP);
    return 0;
  }
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major < 22)
    throw new Failed(
      `The demo needs Node 22 or later, as wrangler does; here is ${process.versions.node}.`,
      1,
    );
  const wrangler = findWrangler();
  if (wrangler === undefined) {
    throw new Failed(
      "The demo runs in Cloudflare's workerd, which is not installed here: npm install wrangler",
      1,
    );
  }
  await checkFree(port);
  const { env } = process;
  const key = env.KIE_API_KEY ?? "";
  const upstream = key === "" ? await standIn() : real(key);
  const folder = await mkdtemp(join(tmpdir(), "crisp-upscale-demo-"));
  const page = `http://127.0.0.1:${port}`;
  const passphrase = randomBytes(12).toString("base64url");
  const settings = {
    TOKEN_SECRET: randomBytes(32).toString("base64url"),
    PASSPHRASE: passphrase,
    PAGE_TASKS_PER_HOUR: "100",
    ...upstream.settings,
    IMAGE_ORIGINS: [page, ...upstream.origins].join(" "),
  };
  let child: ChildProcess | undefined;
  try {
    await writeProject(folder, settings);
    child = spawn(
      process.execPath,
      [wrangler, "dev", "--ip", "127.0.0.1", "--port", String(port), "--log-level", "error"],
      {
        cwd: folder,
        env: { ...env, WRANGLER_SEND_METRICS: "false", CI: "true", KIE_API_KEY: undefined },
        stdio: ["ignore", "inherit", "inherit"],
      },
    );
    const ended = new Promise<"ended">((resolve) => child?.once("exit", () => resolve("ended")));
    const asked = untilSignal();
    if ((await Promise.race([isThere(page), ended])) === "ended")
      throw new Failed("The page's server did not start.", 1);
    stdout.write(`${upstream.says}\n\n  ${page}/#passphrase=${passphrase}\n\nCtrl+C ends it.\n`);
    await Promise.race([asked, ended]);
    return 0;
  } finally {
    if (child?.exitCode === null) {
      const gone = new Promise((resolve) => child?.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
    }
    await upstream.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The program of wrangler: of the project that this is run in, or beside this package. */
function findWrangler(): string | undefined {
  for (const from of [join(process.cwd(), "package.json"), join(PACKAGE, "package.json")]) {
    try {
      const load = createRequire(from);
      const path = load.resolve("wrangler/package.json");
      return join(dirname(path), load(path).bin.wrangler);
    } catch {
      // It is not here.
    }
  }
  return undefined;
}

async function checkFree(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once("error", () => reject(new Failed(`Port ${port} is taken. Choose another with --port.`, 1)));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve()));
  });
}

/** A Worker of the package's gateway and page, as README describes it. */
async function writeProject(folder: string, settings: Record<string, string>): Promise<void> {
  await cp(join(PACKAGE, "dist/gateway"), join(folder, "gateway"), { recursive: true });
  await symlink(join(PACKAGE, "dist/www"), join(folder, "www"), "junction");
  await writeFile(join(folder, "worker.js"), 'export { Account, default } from "./gateway/worker.js";\n');
  const config = {
    ...{ name: "crisp-upscale-demo", main: "worker.js", compatibility_date: "2026-10-01" },
    durable_objects: { bindings: [{ name: "ACCOUNT", class_name: "Account" }] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["Account"] }],
    r2_buckets: [{ binding: "RESULTS", bucket_name: "results" }],
    assets: {
      directory: "www",
      run_worker_first: ["/api/*", "/callback/*", "/results/*", "/token", "/health", "/counters"],
    },
  };
  await writeFile(join(folder, "wrangler.json"), JSON.stringify(config));
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${JSON.stringify(value)}\n`);
  await writeFile(join(folder, ".dev.vars"), lines.join(""), { mode: 0o600 });
}

async function isThere(page: string): Promise<void> {
  for (const began = performance.now(); performance.now() - began < START; ) {
    const response = await fetch(`${page}/health`).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
  throw new Failed("The page's server did not answer in a minute.", 1);
}

interface Upstream {
  settings: Record<string, string>;
  /** Where images may be although they are not public. */
  origins: string[];
  says: string;
  close(): Promise<void>;
}

async function standIn(): Promise<Upstream> {
  const { createSandbox } = await import("crisp-upscale/sandbox");
  const key = "sandbox";
  const stand = createSandbox({ key, delays: DELAYS });
  const { url, close } = await serve((request) => stand.fetch(request), 0);
  return {
    settings: { KIE_API_KEY: key, BASE_URL: url, UPLOAD_BASE_URL: url, UPSTREAM_NAME: "sandbox" },
    origins: [url],
    says: "The sandbox stands in for the API; its resampling is not Recraft's model.",
    async close() {
      await close();
      await stand.close();
    },
  };
}

/** The real service, which could not call this machine back. */
function real(key: string): Upstream {
  return {
    settings: { KIE_API_KEY: key, PUBLIC_URL: "none" },
    origins: [],
    says: "The real service is used, with the key from KIE_API_KEY: every upscale costs credits.",
    close: async () => {},
  };
}

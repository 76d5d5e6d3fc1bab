// @ts-check
// The command with many files: how near it comes to the service's limit, what an image costs in processor time, and
// whether its memory grows with their number.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSandbox } from "../dist/sandbox.js";
import { serve } from "../scripts/serve.mjs";
import { fastClock, imageOf, run } from "../tests/kit/command.mjs";
import { fixtures, tokenOf } from "../tests/kit/gateway.mjs";
import { median } from "./statistics.mjs";

/** What a file has in bytes. Of a png, what follows its end does not count, so the stand-in has little to enlarge. */
const SIZE = 1_000_000;
const FEW = 200;
const MANY = 2_000;
/** What the service takes. */
const [LIMIT, WINDOW] = [20, 10];

/** Prints at the end what the process has taken, and how long each request took to its response, into a file. */
const USAGE = `
  import { writeFileSync } from "node:fs";
  const { fetch } = globalThis;
  const times = {};
  globalThis.fetch = async (request) => {
    const began = performance.now();
    const response = await fetch(request);
    const name = new URL(request.url).pathname.split("/").at(-1);
    (times[name] ??= []).push(performance.now() - began);
    return response;
  };
  process.on("exit", () => {
    const { user, system } = process.cpuUsage();
    const { maxRSS } = process.resourceUsage();
    writeFileSync(process.env.USAGE, JSON.stringify({ cpu: (user + system) / 1e6, peak: maxRSS / 1024, times }));
  });
`;

/** @type {(() => unknown)[]} */
const ends = [];
const t = { after: (/** @type {() => Promise<void>} */ end) => void ends.push(end) };
const scratch = await mkdtemp(join(tmpdir(), "bench-batch-"));
ends.push(() => rm(scratch, { recursive: true }));
await writeFile(join(scratch, "usage.mjs"), USAGE);

/**
 * Runs the command on so many files.
 *
 * @param {number} count
 * @param {Record<string, string>} env
 * @param {string[]} [args]
 * @returns {Promise<{ cpu: number, peak: number, seconds: number, times: Record<string, number[]> }>} `cpu` and `seconds`
 *   in seconds, `peak` in MB, `times` in milliseconds by the last word of the path
 */
async function batch(count, env, args = []) {
  const folder = await mkdtemp(join(scratch, "images-"));
  for (let n = 0; n < count; n += 1) {
    const image = imageOf(n);
    await writeFile(
      join(folder, `image-${n}.png`),
      Buffer.concat([image, Buffer.alloc(SIZE - image.length)]),
    );
  }
  const usage = join(scratch, "usage.json");
  const began = performance.now();
  const { code, out, err } = await run([folder, "-r", ...args], {
    env: { ...env, USAGE: usage },
    node: ["--import", join(scratch, "usage.mjs")],
  });
  if (code !== 0) throw new Error(`${out}\n${err}`);
  const seconds = (performance.now() - began) / 1000;
  await rm(folder, { recursive: true });
  return { ...JSON.parse(await readFile(usage, "utf8")), seconds };
}

try {
  const sandbox = createSandbox({ key: "sandbox", credits: 10_000 });
  const server = await serve(sandbox.fetch, { port: 0 });
  const straight = await batch(FEW, { KIE_API_KEY: "sandbox", KIE_BASE_URL: server.url });
  const ledger = await (await sandbox.fetch(new Request("http://sandbox/sandbox/ledger"))).json();
  await server.close();
  await sandbox.close();
  const times = ledger.tasks.map((/** @type {{ createTime: number }} */ { createTime }) => createTime);
  const took = (Math.max(...times) - Math.min(...times)) / 1000;
  const share = FEW / (LIMIT + (LIMIT / WINDOW) * took);
  console.log(
    `\nStraight to the API: ${FEW} files of 1 MB at the service's limit of ${LIMIT} in ${WINDOW} s`,
  );
  console.log(
    `  from the first task to the last: ${took.toFixed(1)} s; ${(100 * share).toFixed(1)} % of what the limit allows`,
  );
  const trips = {
    upload: median(straight.times["file-stream-upload"] ?? []),
    createTask: median(straight.times.createTask ?? []),
  };
  console.log(
    `  round trips, medians: an upload ${trips.upload.toFixed(0)} ms, a createTask ${trips.createTask.toFixed(0)} ms`,
  );
  console.log(
    `  processor time: ${((1000 * straight.cpu) / FEW).toFixed(0)} ms an image; in all ${straight.seconds.toFixed(1)} s`,
  );

  const settings = { TASKS_PER_HOUR: "none", CREATE_LIMIT: "0" };
  const gateway = await fixtures(t, { sandbox: { credits: 10_000, now: fastClock() }, settings });
  // Each thread of Node has an arena of glibc's, which keeps what was freed in it: by chance, up to 90 MB more.
  const env = { CRISP_UPSCALE_TOKEN: await tokenOf("ann"), MALLOC_ARENA_MAX: "1" };
  const few = await batch(FEW, env, ["--gateway", gateway.url]);
  const many = await batch(MANY, env, ["--gateway", gateway.url]);
  const growth = many.peak / few.peak - 1;
  console.log("\nThrough a gateway with no limit, tasks that are done at once");
  for (const [count, { peak, cpu, seconds }] of /** @type {const} */ ([
    [FEW, few],
    [MANY, many],
  ])) {
    const each = ((1000 * cpu) / count).toFixed(0);
    console.log(
      `  ${count} files: ${peak.toFixed(0)} MB at the peak, ${each} ms of processor time an image, ${seconds.toFixed(0)} s`,
    );
  }
  console.log(`  the peaks differ by ${(100 * growth).toFixed(1)} %\n`);
  const brief = (/** @type {typeof few} */ { cpu, peak, seconds }) => ({ cpu, peak, seconds });
  console.log(
    JSON.stringify({
      ...{ took, share, trips, cpu: straight.cpu / FEW },
      ...{ few: brief(few), many: brief(many), growth },
    }),
  );
} finally {
  for (const end of ends.reverse()) await end();
}

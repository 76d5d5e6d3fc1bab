// What a waiting job takes of the memory, in a process of its own that has no network. Arguments: the client, and how
// many jobs wait at once.
import { protocols } from "./protocols.mjs";

const [, , name, jobs] = process.argv;
const protocol = protocols[name];
const BASE = `http://bench.example/${name}`;

// Nobody looks a second time while the jobs are counted.
const setTimer = globalThis.setTimeout;
globalThis.setTimeout = (run, delay = 0, ...rest) =>
  setTimer(run, Math.min(delay * 10_000, 2 ** 31 - 1), ...rest);

const begun = new Set();
globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  const headers = Object.fromEntries(request.headers);
  const action = protocol.read({ method: request.method, path: request.url.slice(BASE.length), headers });
  // A stream of events, where there is none.
  if (action === undefined) return new Response(null, { status: 404 });
  await request.text();
  const id = action.id ?? `job${begun.size}`;
  begun.add(id);
  const state = action.kind === "submit" ? "new" : "running";
  const job = { id, url: "https://files.example/result.png", state, madeAt: 0, doneAt: 0 };
  return Response.json(protocol.write(action.kind, job));
};

const { connect } = await import(`./${name}.mjs`);
const upscale = connect(BASE, undefined, "token");

async function begin(count) {
  const expected = begun.size + count;
  for (let nth = 0; nth < count; nth += 1) {
    const job = upscale("https://host.example/photo.jpg", new AbortController().signal);
    // What has ended does not wait.
    job.then(fail, fail);
  }
  while (begun.size < expected) await rest();
  for (let round = 0; round < 10; round += 1) await rest();
}

function fail(end) {
  console.error("A job has ended:", end);
  process.exit(1);
}

const rest = () => new Promise((resolve) => setTimer(resolve, 50));

async function measure() {
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc();
    await rest();
  }
  const { heapUsed: heap, external, rss } = process.memoryUsage();
  return { heap, external, rss };
}

await begin(100);
const before = await measure();
await begin(Number(jobs));
const after = await measure();
const each = (of) => (of(after) - of(before)) / Number(jobs);
// What is external is the memory of WebAssembly, and buffers.
process.send({
  heap: each(({ heap }) => heap),
  external: each(({ external }) => external),
  rss: each(({ rss }) => rss),
});
process.exit();

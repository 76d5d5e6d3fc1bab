// From the import of a client to its first request, in Node, in a Worker and in a page alike.
const clients = {
  bare: () => import("./bare.mjs"),
  ours: () => import("./ours.mjs"),
  fal: () => import("./fal.mjs"),
  replicate: () => import("./replicate.mjs"),
};

/** The server counts from its answer here, so the runtime's own fetch and its connection are there already. */
export async function first(name, base) {
  await (await fetch(`${base}/begin`)).text();
  const { connect } = await clients[name]();
  await connect(base)("https://host.example/photo.jpg", new AbortController().signal);
}

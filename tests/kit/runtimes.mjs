// @ts-check
import { root } from "../../scripts/run.mjs";
import { runtimes, versionOf } from "../../scripts/runtimes.mjs";
import { startClient } from "./client.mjs";
import { startWorkerd } from "./workerd.mjs";

/**
 * A client that can be ended.
 *
 * @typedef {Pick<Awaited<ReturnType<typeof startClient>>, "name" | "order"> & { stop: () => unknown }} Started
 */

/**
 * The runtimes that send no POST again by themselves, or are kept from it by ours.
 *
 * @returns `absent`: it does not run on this machine
 */
export async function findRuntimes() {
  const { node20, node22, node24, deno, bun, workerd } = await runtimes();
  /** @type {(execPath: string, execArgv?: string[]) => () => Promise<Started>} */
  const forked = (execPath, execArgv = []) => {
    const file = `${root}/tests/runtimes/process.mjs`;
    return () => startClient("ours", file, { execPath, execArgv });
  };
  const all = [
    { name: "node20", title: "Node", path: node20, start: forked(node20) },
    { name: "node22", title: "Node", path: node22, start: forked(node22) },
    { name: "node24", title: "Node", path: node24, start: forked(node24) },
    // No permission to read: the package needs none.
    { name: "deno", title: "Deno", path: deno, start: forked(deno, ["run", "--allow-net"]) },
    { name: "bun", title: "Bun", path: bun, start: forked(bun) },
    { name: "workerd", title: "workerd", path: workerd, start: () => startWorkerd(workerd) },
  ];
  return Promise.all(
    all.map(async ({ name, title, path, start }) => {
      const version = await versionOf(path);
      return { name, title: `${title} ${version ?? ""}`.trim(), absent: version === undefined, start };
    }),
  );
}

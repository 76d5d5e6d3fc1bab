// @ts-check
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SMALL } from "../kit/images.mjs";
import { example, service } from "./project.mjs";

const project = example("node-script");

test("the script enlarges a file and says what it cost", async (t) => {
  const { url, ledger } = await service(t);
  await writeFile(join(project.folder, "photo.jpg"), SMALL);
  const said = await project.line("npm start", { KIE_API_KEY: "sandbox", BASE_URL: url });
  assert.match(said, /uploading\nuploaded\nsubmitted\n[\s\S]*large\.png: 128 × 128, 0\.5 credits/);
  const file = await readFile(join(project.folder, "large.png"));
  assert.deepEqual([file.readUInt32BE(16), file.readUInt32BE(20)], [128, 128]);
  assert.equal((await ledger()).tasks.length, 1);
});

test("a refusal is an exit code, and says that nothing was charged", async (t) => {
  const { url, image, ledger, fail } = await service(t);
  await fail({ route: "createTask", kind: "code", code: 402, msg: "Credits insufficient" });
  const { process, said } = project.begin("npm start", { KIE_API_KEY: "sandbox", BASE_URL: url }, [
    "--",
    image,
  ]);
  assert.deepEqual(await once(process, "close"), [1, null]);
  assert.match(said(), /Charged: no\. Task: null/);
  assert.equal((await ledger()).tasks.length, 0);
});

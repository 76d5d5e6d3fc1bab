// @ts-check
// Every JavaScript example of the documentation, run as it stands, with the sandbox in the API's place.
import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { attempt, root } from "../../scripts/run.mjs";

// Inside the package, so that it can import itself by name.
const FOLDER = `${root}/tests/output/readme`;

/** What an example may take for granted, where it does not say it itself. */
const GIVEN = {
  apiKey: 'const apiKey = "sandbox";',
  Upscaler: 'import { Upscaler } from "crisp-upscale";',
  upscaler: "const upscaler = new Upscaler({ apiKey });",
  file: 'const file = await (await fetch("https://host.example/photo.jpg")).blob();',
};

/** @param {string} example */
function complete(example) {
  let whole = example;
  // In reverse, since the later ones need the earlier ones.
  for (const [name, line] of Object.entries(GIVEN).reverse()) {
    const isUsed = new RegExp(`(?<![.\\w"'-])${name}\\b`).test(whole);
    const isMade = new RegExp(`(const ${name}\\b|import \\{[^}]*\\b${name}\\b)`).test(whole);
    if (isUsed && !isMade) whole = `${line}\n${whole}`;
  }
  return whole;
}

for (const file of ["README.md", "sandbox/README.md"]) {
  const text = await readFile(`${root}/${file}`, "utf8");
  const examples = [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
  assert.ok(examples.length > 0, `${file} has examples`);
  for (const [index, example] of examples.entries()) {
    const line = example.split("\n").find((line) => /await|new /.test(line)) ?? "";
    test(`${file}, example ${index + 1}: ${line.trim()}`, async () => {
      await mkdir(FOLDER, { recursive: true });
      const script = `${FOLDER}/${file.replace(/\W/g, "-")}-${index + 1}.mjs`;
      await writeFile(script, complete(example));
      const args = ["--unhandled-rejections=strict", "--import", `${root}/tests/kit/examples.mjs`, script];
      const { ok, output } = await attempt(process.execPath, args, { quiet: true });
      assert.ok(ok, output);
      assert.doesNotMatch(output, /error|warn/i);
      await rm(script);
    });
  }
}

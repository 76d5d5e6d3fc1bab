// @ts-check
// Every JavaScript example of the README, of the sandbox's README and of the guides, run as it stands, with the sandbox in
// the API's place. A block is an example where its language is `js`; a `javascript` block is a file that is shown.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
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

/** Guides whose examples need packages that are not installed here, and the tests that run them. */
const ELSEWHERE = {
  "docs/guide/ai-sdk.md": "tests/package/ai-sdk.test.mjs",
  "docs/guide/react.md": "tests/package/react.test.mjs",
  "docs/guide/your-tests.md": "tests/package/testing.test.mjs",
};

const GUIDES = (await readdir(`${root}/docs/guide`))
  .map((file) => `docs/guide/${file}`)
  .filter((file) => !(file in ELSEWHERE));

/** @param {string} text @param {string} language */
function examplesOf(text, language) {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, code = ""]) => code,
  );
}

test("the example in Rust is the one that cargo test compiles", async () => {
  const [readme, guide] = await Promise.all(
    ["README.md", "docs/guide/rust.md"].map((file) => readFile(`${root}/${file}`, "utf8")),
  );
  const [example, ...others] = examplesOf(guide ?? "", "rust,no_run");
  assert.ok(example !== undefined && others.length === 0);
  assert.deepEqual(examplesOf(readme ?? "", "rust,no_run"), [example]);
});

test("the examples of the other guides are run by their own tests", async () => {
  for (const [guide, file] of Object.entries(ELSEWHERE)) {
    const code = await readFile(`${root}/${file}`, "utf8");
    assert.ok(code.includes(`/${guide}`), `${file} reads ${guide}`);
  }
});

test("no link of the documents leads nowhere", async () => {
  const docs = ["docs/guide", "docs/decisions", "docs/measured"];
  const examples = (await readdir(`${root}/examples`)).map((folder) => `examples/${folder}`);
  const folders = [".", ...docs, ...examples, "sandbox", "www/samples"];
  const listed = await Promise.all(
    folders.map(async (folder) => (await readdir(`${root}/${folder}`)).map((file) => join(folder, file))),
  );
  const documents = listed.flat().filter((file) => file.endsWith(".md"));
  const anchorsOf = (/** @type {string} */ text) =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    );
  const broken = [];
  for (const file of documents) {
    const text = await readFile(`${root}/${file}`, "utf8");
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const other = path === "" ? file : join(dirname(file), path);
      const found = existsSync(`${root}/${other}`);
      const anchors =
        found && anchor !== undefined ? anchorsOf(await readFile(`${root}/${other}`, "utf8")) : [];
      if (!found || (anchor !== undefined && !anchors.includes(anchor))) broken.push(`${file}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

for (const file of ["README.md", "sandbox/README.md", ...GUIDES]) {
  const examples = examplesOf(await readFile(`${root}/${file}`, "utf8"), "js");
  assert.ok(examples.length > 0 || file.endsWith("rust.md"), `${file} has examples`);
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

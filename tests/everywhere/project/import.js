// Importing the package is to touch nothing, as it is imported on servers that render pages. Its one argument is the
// entry. What it did all the same is printed, as a list in JSON.
import fs from "node:fs";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import process from "node:process";

const seen = [];

/** Has every call of these functions noted. */
function watch(holder, names, worthNoting = () => true) {
  for (const name of names) {
    const original = holder[name];
    const noting = (args) => worthNoting(...args) && seen.push(`${name}(${args.map(String)})`);
    holder[name] = new Proxy(original, {
      apply(target, self, args) {
        noting(args);
        return Reflect.apply(target, self, args);
      },
      construct(target, args) {
        noting(args);
        return Reflect.construct(target, args);
      },
    });
  }
}

// Node 20 makes these globals when they are first used, which is no harm.
void [TextEncoder, TextDecoder];

// Node reads the modules themselves.
const isNoModule = (path) => !/\.(js|json)$/.test(String(path));
watch(fs, ["readFile", "readFileSync", "open", "openSync", "createReadStream"], isNoModule);
watch(fs.promises, ["readFile", "open"], isNoModule);
watch(http, ["request", "get"]);
watch(globalThis, ["fetch", "setTimeout", "setInterval", "setImmediate"]);
watch(WebAssembly, [
  "Module",
  "Instance",
  "compile",
  "instantiate",
  "compileStreaming",
  "instantiateStreaming",
]);
syncBuiltinESMExports();

const globals = () => Object.getOwnPropertyDescriptors(globalThis);
const [before, resources] = [globals(), process.getActiveResourcesInfo()];

await import(process.argv[2]);

const after = globals();
for (const name of new Set([...Reflect.ownKeys(before), ...Reflect.ownKeys(after)])) {
  const same = ["value", "get", "set"].every((part) => Object.is(before[name]?.[part], after[name]?.[part]));
  if (!same) seen.push(`globalThis.${String(name)}`);
}
const left = process.getActiveResourcesInfo().filter((resource) => !resources.includes(resource));
console.log(JSON.stringify([...seen, ...left]));

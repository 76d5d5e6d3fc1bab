import { first } from "./first.mjs";

const [, , name, base] = process.argv;
await first(name, base);

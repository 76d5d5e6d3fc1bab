import { first } from "./first.mjs";

// It is at /stopwatch/<number>/<name>.
await first(location.pathname.split("/").at(-1), location.href);

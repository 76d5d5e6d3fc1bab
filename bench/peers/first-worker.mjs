import { first } from "./first.mjs";

export default {
  async fetch(request) {
    const { name, base } = await request.json();
    await first(name, base);
    return new Response();
  },
};

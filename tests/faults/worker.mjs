// @ts-check
// The runner in workerd. Requests give it its orders.
import { play } from "./runner.mjs";

export default {
  /** @param {Request} request */
  async fetch(request) {
    return Response.json(await play(await request.json()));
  },
};

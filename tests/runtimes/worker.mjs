// @ts-check
// The runner in workerd. Requests give it its orders.
import { work } from "../kit/runner.mjs";
import { connect } from "./calls.mjs";

export default {
  /** @param {Request} request */
  async fetch(request) {
    return Response.json(await work(await request.json(), connect));
  },
};

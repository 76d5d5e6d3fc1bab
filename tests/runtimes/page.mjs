// Ours in a page, which asks for its orders and brings with that what came of the last one.
import { work } from "../kit/runner.mjs";
import { connect } from "./calls.mjs";

let said = null;
for (;;) {
  const order = await fetch(`/orders${location.pathname}`, { method: "POST", body: JSON.stringify(said) });
  said = await work(await order.json(), connect);
}

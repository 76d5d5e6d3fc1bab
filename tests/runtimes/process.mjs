// Ours in a process of Node, Deno or Bun.
import { play } from "../kit/runner.mjs";
import { connect } from "./calls.mjs";

play(connect);

// Ours in a process of Node, Deno or Bun.
import { play } from "../../bench/player.mjs";
import { connect } from "./calls.mjs";

play(connect);

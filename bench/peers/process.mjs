// @ts-check
// A client in a process of its own. The first argument is its name.
import { play } from "../../tests/kit/runner.mjs";

const { connect } = await import(`./${process.argv[2]}.mjs`);
play(connect);

// @ts-check
// A client of `peers/` in a process of its own, which its first argument names.
import { play } from "../tests/kit/runner.mjs";

const { connect } = await import(`./peers/${process.argv[2]}.mjs`);
play(connect);

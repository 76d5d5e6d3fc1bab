// The AI SDK's current major and the one before. Type checks leave this file and the worker out, since the packages are
// installed by the test.
import * as ai6 from "ai-6";
import * as ai7 from "ai-7";

export const MAJORS = { "ai 6": ai6, "ai 7": ai7 };

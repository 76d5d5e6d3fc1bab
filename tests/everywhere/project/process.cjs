// By require, where Node allows that.
const ours = require("crisp-upscale");

import("./src/conformance.js").then(({ conform }) => conform(ours, process.argv[2]));

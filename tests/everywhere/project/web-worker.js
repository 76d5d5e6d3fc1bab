// Import maps are of pages only, so the package is named by its address.
import * as ours from "./node_modules/crisp-upscale/dist/browser.js";
import { conform } from "./src/conformance.js";

conform(ours, new URLSearchParams(location.search).get("harness"));

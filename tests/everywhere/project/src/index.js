// In a page; its query says where the harness is.
import * as ours from "crisp-upscale";
import { conform } from "./conformance.js";

conform(ours, new URLSearchParams(location.search).get("harness"));

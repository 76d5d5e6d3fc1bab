// In a page; its query says where the desk is.
import * as ours from "crisp-upscale";
import { conform } from "./conformance.js";

conform(ours, new URLSearchParams(location.search).get("desk"));

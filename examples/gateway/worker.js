export { Account, default } from "crisp-upscale/gateway";

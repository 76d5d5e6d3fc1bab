import { receiveCallback, Upscaler } from "crisp-upscale";
import { Hono } from "hono";

const app = new Hono();

const upscalerOf = ({ KIE_API_KEY, BASE_URL }) => new Upscaler({ apiKey: KIE_API_KEY, baseUrl: BASE_URL });

// Put a check of who calls before this route: each call costs credits.
app.post("/upscale", async ({ req, env, json }) => {
  const { image } = await req.json();
  const callBackUrl = new URL("/webhook", env.PUBLIC_URL ?? req.url);
  const { taskId } = await upscalerOf(env).submit(image, { callBackUrl });
  return json({ taskId }, 202);
});

app.post("/webhook", async ({ req, env }) => {
  const upscaler = upscalerOf(env);
  const outcome = await receiveCallback(req.raw, { keys: env.WEBHOOK_HMAC_KEY, upscaler });
  const keep = (ended) => env.RESULTS.put(outcome.taskId, JSON.stringify(ended), { expirationTtl: 86_400 });
  if (outcome.kind === "success") await keep({ state: "success", result: outcome.result });
  if (outcome.kind === "failed") await keep({ state: "fail", error: outcome.error.message });
  return outcome.response;
});

app.get("/results/:taskId", async ({ req, env, json }) => {
  return json((await env.RESULTS.get(req.param("taskId"), "json")) ?? { state: "waiting" });
});

export default app;

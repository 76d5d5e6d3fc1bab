import { Readable } from "node:stream";
import { receiveCallback, Upscaler } from "crisp-upscale";
import express from "express";

const { KIE_API_KEY, WEBHOOK_HMAC_KEY, BASE_URL, PUBLIC_URL, PORT = "3000" } = process.env;
const upscaler = new Upscaler({ apiKey: KIE_API_KEY, baseUrl: BASE_URL });
const results = new Map();
const app = express();

// Before any middleware that reads bodies: receiveCallback reads this one itself.
app.post("/webhook", async (req, res) => {
  const request = new Request(`${PUBLIC_URL}${req.originalUrl}`, {
    method: req.method,
    headers: req.headers,
    body: Readable.toWeb(req),
    duplex: "half",
  });
  const outcome = await receiveCallback(request, { keys: WEBHOOK_HMAC_KEY, upscaler });
  if (outcome.kind === "success") results.set(outcome.taskId, { state: "success", result: outcome.result });
  if (outcome.kind === "failed") results.set(outcome.taskId, { state: "fail", error: outcome.error.message });
  res.status(outcome.response.status).send(await outcome.response.text());
});

app.use(express.json());

app.post("/upscale", async (req, res) => {
  const { taskId } = await upscaler.submit(req.body.image, { callBackUrl: `${PUBLIC_URL}/webhook` });
  res.status(202).json({ taskId });
});

app.get("/results/:taskId", (req, res) => res.json(results.get(req.params.taskId) ?? { state: "waiting" }));

const server = app.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});

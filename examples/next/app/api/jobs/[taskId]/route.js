import { ended } from "../../../../lib/upscaler.js";

/** How a task stands, which costs no request to the service. */
export async function GET(_, { params }) {
  const { taskId } = await params;
  return Response.json(ended.get(taskId) ?? { state: "waiting" });
}

"use client";

import "crisp-upscale/compare";
import { useActionState, useEffect, useState } from "react";
import { submit } from "./actions.js";

export function Enlarge() {
  const [made, action, isSubmitting] = useActionState(submit, {});
  const [image, setImage] = useState("");
  const { state, result, error } = useTask(made.taskId);
  const isRunning = isSubmitting || state === "waiting";

  return (
    <>
      <form action={action}>
        <label>
          Image URL{" "}
          <input
            name="image"
            type="url"
            required
            value={image}
            onChange={(event) => setImage(event.target.value)}
          />
        </label>{" "}
        <button type="submit" disabled={isRunning}>
          Upscale
        </button>
      </form>
      <p role="status">
        {isRunning && "Under way …"}
        {result && `${result.width} × ${result.height}, ${result.credits} credits`}
        {error ?? made.error}
      </p>
      {isRunning && <progress aria-label="Under way" />}
      {result && (
        <crisp-compare>
          <img slot="before" src={image} alt="Before" />
          <img slot="after" src={result.url} alt="After" />
        </crisp-compare>
      )}
    </>
  );
}

/** Asks this app's own server, twice a second, until the webhook has come. */
function useTask(taskId) {
  const [task, setTask] = useState({});
  useEffect(() => {
    if (!taskId) return;
    setTask({ state: "waiting" });
    const timer = setInterval(async () => {
      const next = await (await fetch(`/api/jobs/${taskId}`)).json();
      setTask(next);
      if (next.state !== "waiting") clearInterval(timer);
    }, 500);
    return () => clearInterval(timer);
  }, [taskId]);
  return task;
}

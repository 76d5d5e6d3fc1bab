import { indexedDb, Upscaler } from "crisp-upscale";
import "crisp-upscale/compare";
import { useUpscale } from "crisp-upscale/react";
import { useEffect, useState } from "react";

// In an app of yours, `token` is a function that asks a server of yours.
const { VITE_GATEWAY, VITE_TOKEN } = import.meta.env;
const upscaler = new Upscaler({ baseUrl: VITE_GATEWAY, token: VITE_TOKEN, store: indexedDb() });

export function Enlarge() {
  const { state, progress, result, error, upscale, resume, cancel } = useUpscale(upscaler);
  const [file, setFile] = useState(null);
  const before = useObjectUrl(file);

  function choose(event) {
    const [chosen] = event.target.files;
    if (!chosen) return;
    setFile(chosen);
    upscale(chosen);
  }

  return (
    <main>
      <h1>Upscale</h1>
      <label>
        A jpeg, png or webp <input type="file" accept="image/jpeg,image/png,image/webp" onChange={choose} />
      </label>
      <p role="status">
        {state === "running" && `${progress ?? "starting"} …`}
        {state === "done" && `${result.width} × ${result.height}, ${result.credits} credits`}
        {state === "error" && error.message}
      </p>
      {state === "running" && <progress aria-label="Under way" />}
      {state === "running" && (
        <button type="button" onClick={cancel}>
          Cancel
        </button>
      )}
      {error?.resume && (
        <button type="button" onClick={() => resume(error.taskId)}>
          Go on, at no cost
        </button>
      )}
      {result && (
        <crisp-compare>
          {before && <img slot="before" src={before} alt="Before" />}
          <img slot="after" src={result.url} alt="After" />
        </crisp-compare>
      )}
    </main>
  );
}

/** An address for a file, for as long as the component shows it. */
function useObjectUrl(file) {
  const [url, setUrl] = useState(null);
  useEffect(() => {
    if (!file) return;
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}

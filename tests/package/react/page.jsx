// Pages of the hook and the element, under StrictMode, where React runs effects twice. `?show=` says which.
import { indexedDb, Upscaler } from "crisp-upscale";
import "crisp-upscale/compare";
import { useUpscale } from "crisp-upscale/react";
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

const upscaler = new Upscaler({
  baseUrl: location.origin,
  apiKey: "sandbox",
  dangerouslyAllowBrowser: true,
  store: indexedDb(),
});
const IMAGE = `${location.origin}/photo.png`;

/** An upscale that a click begins. */
function OnClick() {
  const { state, progress, result, error, upscale, resume, cancel } = useUpscale(upscaler);
  return (
    <>
      <button type="button" id="upscale" onClick={() => upscale(IMAGE)}>
        Upscale
      </button>
      <button type="button" id="file" onClick={async () => upscale(await (await fetch(IMAGE)).blob())}>
        Upscale a file
      </button>
      <button type="button" id="cancel" onClick={cancel}>
        Cancel
      </button>
      {error?.taskId && (
        <button type="button" id="resume" onClick={() => resume(error.taskId)}>
          Go on
        </button>
      )}
      <p id="state" data-progress={progress}>
        {state}
      </p>
      {error && <p id="error">{`${error.kind} ${error.charged}`}</p>}
      {result && (
        <crisp-compare>
          <img slot="before" src={IMAGE} alt="Before" />
          <img slot="after" src={result.url} alt="After" />
        </crisp-compare>
      )}
    </>
  );
}

/** One that an effect begins, which StrictMode runs twice. */
function InEffect() {
  const { state, upscale } = useUpscale(upscaler);
  useEffect(() => upscale(IMAGE), [upscale]);
  return <p id="state">{state}</p>;
}

/** One whose component can be taken away and put back. */
function Removable() {
  const [isThere, setThere] = useState(true);
  return (
    <>
      <button type="button" id="toggle" onClick={() => setThere(!isThere)}>
        Toggle
      </button>
      {isThere && <OnClick />}
    </>
  );
}

const PAGES = { click: OnClick, effect: InEffect, removable: Removable };
const Page = PAGES[new URLSearchParams(location.search).get("show")];

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);

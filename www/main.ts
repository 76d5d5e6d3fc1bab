import { UpscaleError, type UpscaleOptions, type UpscaleResult, Upscaler } from "crisp-upscale";
import { Comparison } from "./compare.js";
import { startClock } from "./elapsed.js";
import { element } from "./elements.js";
import { FileChoice } from "./file.js";
import {
  BEFORE_NOT_LOADED,
  describeCancel,
  describeCredits,
  describeDone,
  describeFactor,
  describeFailure,
  describeFieldProblem,
  describeSize,
  describeState,
  describeUpstream,
  RESULT_NOT_LOADED,
  type Size,
} from "./messages.js";
import { Steps } from "./steps.js";
import { forgetTicket, type KeptTicket, keepTicket, keptTicket } from "./ticket.js";

type RunOptions = Required<Pick<UpscaleOptions, "signal" | "onUpdate">>;
type PageState = "idle" | "running" | "done" | "error";

// The server that this page comes from speaks the API's protocol and keeps the key; what it wants is only that a token is there.
const upscaler = new Upscaler({ baseUrl: location.origin, token: "local" });

const form = element("form", HTMLFormElement);
const imageUrl = element("image-url", HTMLInputElement);
const imageFile = element("image-file", HTMLInputElement);
const removeButton = element("chosen-remove", HTMLButtonElement);
const samples = element("samples", HTMLFieldSetElement);
const sampleButtons = [...samples.querySelectorAll("button")];
const upscaleButton = element("upscale", HTMLButtonElement);
const cancelButton = element("cancel", HTMLButtonElement);
const resumeButton = element("resume", HTMLButtonElement);
const status = element("status", HTMLElement);
const elapsed = element("elapsed", HTMLElement);
const errorPanel = element("error", HTMLElement);
const upstream = element("upstream", HTMLElement);
const result = element("result", HTMLElement);
const beforeProblem = element("before-problem", HTMLElement);
const warning = element("warning", HTMLElement);
const beforeSize = element("before-size", HTMLElement);
const afterSize = element("after-size", HTMLElement);
const factor = element("factor", HTMLElement);
const cost = element("cost", HTMLElement);
const download = element("download", HTMLAnchorElement);
const steps = new Steps(element("steps", HTMLOListElement));
const comparison = new Comparison({
  result,
  frame: element("frame", HTMLElement),
  before: element("before", HTMLImageElement),
  after: element("after", HTMLImageElement),
  divider: element("divider", HTMLElement),
  range: element("compare", HTMLInputElement),
  zoomFit: element("zoom-fit", HTMLInputElement),
  zoomActual: element("zoom-actual", HTMLInputElement),
  hint: element("compare-hint", HTMLElement),
});

const choice = new FileChoice(
  {
    picker: imageFile,
    chosen: element("chosen", HTMLElement),
    preview: element("chosen-preview", HTMLImageElement),
    name: element("chosen-name", HTMLElement),
    size: element("chosen-size", HTMLElement),
    remove: removeButton,
  },
  () => state !== "running",
  () => {
    imageUrl.value = "";
    markAddress();
  },
);

let state: PageState = "idle";

/** The upscale that the page shows, under way or over. */
let current: AbortController | null = null;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  // The button cannot be `disabled` against a second submit: that would take the keyboard's focus away from it.
  if (state === "running") return;
  clear();
  if (choice.chosen) {
    const { file, url } = choice.chosen;
    void run(url, null, (options) => upscaler.upscale(file, options));
    return;
  }
  const problem = describeFieldProblem(imageUrl.validity);
  if (problem === null) {
    const url = imageUrl.value.trim();
    void run(url, null, (options) => upscaler.upscale(url, options));
  } else {
    imageUrl.setAttribute("aria-invalid", "true");
    imageUrl.focus();
    fail([problem]);
  }
});

cancelButton.addEventListener("click", () => current?.abort());
resumeButton.addEventListener("click", () => {
  const ticket = keptTicket();
  if (!ticket) return;
  clear();
  imageUrl.value = ticket.imageUrl;
  onAddressChange();
  void run(ticket.imageUrl, ticket.taskId, (options) => goOn(ticket, options));
});
imageUrl.addEventListener("input", onAddressChange);
for (const sample of sampleButtons) {
  sample.addEventListener("click", () => {
    imageUrl.value = addressOf(sample);
    onAddressChange();
  });
}
// After a reload some browsers fill the field with what was in it.
onAddressChange();
show(resumeButton, keptTicket() !== null);
void showUpstream();

async function goOn(ticket: KeptTicket, { signal, onUpdate }: RunOptions): Promise<UpscaleResult> {
  const job = upscaler.resume(ticket, { signal });
  for await (const update of job) onUpdate(update);
  return job.result();
}

/** Shows an upscale from its beginning to its end: a new one, whose `taskId` is null at first, or one that goes on. */
async function run(
  url: string,
  taskId: string | null,
  upscale: (options: RunOptions) => Promise<UpscaleResult>,
): Promise<void> {
  const controller = new AbortController();
  let kept = url;
  current = controller;

  setState("running");
  status.textContent = "Sending the request.";
  const stopClock = startClock(elapsed);
  // Beside the upscale and not before it: a picture that loads slowly here, or never, must not hold up the rest.
  void showBefore(url, controller);
  // On a narrow screen it is below the form, out of sight.
  result.scrollIntoView({ block: "nearest" });

  try {
    const upscaled = await upscale({
      signal: controller.signal,
      onUpdate(update) {
        if (update.taskId === undefined) {
          if (update.state === "warning") warning.textContent = update.warning;
          // After a reload the file's own address leads nowhere.
          if (update.state === "uploaded") kept = update.url;
        } else if (taskId === null) {
          taskId = update.taskId;
          keepTicket({ taskId, createdAt: Date.now(), imageUrl: kept });
        }
        if (update.state === "warning") return;
        status.textContent = describeState(update.state);
        steps.reach(update.state);
      },
    });
    forgetTicket();
    show(cancelButton, false);
    download.href = `/download/${encodeURIComponent(upscaled.taskId)}`;
    download.hidden = false;
    cost.textContent = upscaled.credits === null ? "unknown" : describeCredits(upscaled.credits);
    await showAfter(upscaled.url, stopClock);
  } catch (error) {
    if (controller.signal.aborted) {
      status.textContent = describeCancel(taskId);
      setState("idle");
    } else {
      if (error instanceof UpscaleError && !error.resume) forgetTicket();
      fail(describeFailure(error, taskId));
    }
  } finally {
    stopClock();
  }
}

async function showBefore(url: string, owner: AbortController): Promise<void> {
  try {
    await comparison.showBefore(url);
    showSizes();
  } catch {
    // A load that the next run has put an end to says nothing about that one's picture.
    if (current !== owner) return;
    beforeSize.textContent = "unknown";
    beforeProblem.textContent = BEFORE_NOT_LOADED;
  }
}

async function showAfter(url: string, stopClock: () => string): Promise<void> {
  let after: Size;
  try {
    after = await comparison.showAfter(url);
  } catch {
    fail([RESULT_NOT_LOADED]);
    return;
  }
  showSizes();
  steps.reach("done");
  status.textContent = describeDone(stopClock(), comparison.before, after);
  setState("done");
}

function showSizes(): void {
  const { before, after } = comparison;
  if (before) beforeSize.textContent = describeSize(before);
  if (after) afterSize.textContent = describeSize(after);
  if (before && after) factor.textContent = describeFactor(before, after);
}

/** Takes away what the last run left, but not the address. */
function clear(): void {
  comparison.clear();
  steps.reset();
  for (const text of [
    elapsed,
    status,
    errorPanel,
    beforeProblem,
    warning,
    beforeSize,
    afterSize,
    factor,
    cost,
  ])
    text.textContent = "";
  errorPanel.hidden = true;
  download.hidden = true;
}

function fail(lines: readonly string[]): void {
  status.textContent = "";
  errorPanel.hidden = false;
  errorPanel.replaceChildren(
    ...lines.map((line) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = line;
      return paragraph;
    }),
  );
  setState("error");
  errorPanel.scrollIntoView({ block: "nearest" });
}

function setState(next: PageState): void {
  const busy = next === "running";
  state = next;
  document.body.dataset.state = next;
  result.ariaBusy = String(busy);
  upscaleButton.ariaDisabled = String(busy);
  imageUrl.readOnly = busy;
  samples.disabled = imageFile.disabled = removeButton.disabled = busy;
  show(cancelButton, busy);
  show(resumeButton, !busy && keptTicket() !== null);
}

function show(button: HTMLButtonElement, shown: boolean): void {
  // A button that goes while it has the focus would leave the keyboard nowhere.
  if (!shown && document.activeElement === button) upscaleButton.focus({ preventScroll: true });
  button.hidden = !shown;
}

function onAddressChange(): void {
  choice.clear();
  markAddress();
}

function markAddress(): void {
  imageUrl.removeAttribute("aria-invalid");
  for (const sample of sampleButtons) sample.ariaPressed = String(addressOf(sample) === imageUrl.value);
}

function addressOf(sample: HTMLButtonElement): string {
  return new URL(sample.dataset.path ?? "", location.href).href;
}

async function showUpstream(): Promise<void> {
  const reply = await fetch("/config.json");
  if (!reply.ok) return;
  const config = (await reply.json()) as { upstream: string };
  upstream.textContent = describeUpstream(config.upstream);
  upstream.hidden = false;
}

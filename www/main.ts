import { type Pending, type UpscaleOptions, type UpscaleResult, Upscaler } from "crisp-upscale";
import { CrispCompare } from "crisp-upscale/compare";
import { Access, type Health, Refused } from "./access.js";
import { Comparison } from "./compare.js";
import { startClock } from "./elapsed.js";
import { element, webAddress } from "./elements.js";
import { FileChoice } from "./file.js";
import { JobStore } from "./jobs.js";
import {
  ASKING,
  BEFORE_NOT_LOADED,
  describeCancel,
  describeCredits,
  describeDone,
  describeFactor,
  describeFailure,
  describeFieldProblem,
  describeNoAddress,
  describeNoAnswer,
  describeNotShown,
  describeSize,
  describeState,
  describeUpstream,
  NotFetched,
  RESUMING,
  SENDING,
  type Size,
} from "./messages.js";
import { PendingList } from "./pending.js";
import { Steps } from "./steps.js";

type RunOptions = Required<Pick<UpscaleOptions, "signal" | "onUpdate">>;
type PageState = "idle" | "running" | "done" | "error";

const form = element("form", HTMLFormElement);
const access = new Access({
  form: element("access", HTMLFormElement),
  passphrase: element("passphrase", HTMLInputElement),
  message: element("access-message", HTMLElement),
  behind: form,
});

const jobs = new JobStore(() => void showPending());

// The gateway that this page comes from speaks the API's protocol and keeps the key.
const upscaler = new Upscaler({ baseUrl: location.origin, token: access.token, store: jobs });

const imageUrl = element("image-url", HTMLInputElement);
const imageFile = element("image-file", HTMLInputElement);
const removeButton = element("chosen-remove", HTMLButtonElement);
const samples = element("samples", HTMLFieldSetElement);
const sampleButtons = [...samples.querySelectorAll("button")];
const upscaleButton = element("upscale", HTMLButtonElement);
const cancelButton = element("cancel", HTMLButtonElement);
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
  compare: element("frame", CrispCompare),
  before: element("before", HTMLImageElement),
  after: element("after", HTMLImageElement),
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

const pendingList = new PendingList(
  {
    group: element("pending", HTMLFieldSetElement),
    list: element("pending-list", HTMLUListElement),
    next: upscaleButton,
  },
  resumeJob,
  dismiss,
);

let state: PageState = "idle";

/** The upscale that the page shows, under way or over. */
let current: AbortController | null = null;

/** How long to wait before a result that could not be shown is tried again, in milliseconds, each time. */
const RETRIES = [1_000, 4_000, 15_000, 60_000];

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
    void run(url, null, async (options) => upscaler.upscale(await imageAt(url, options.signal), options));
  } else {
    imageUrl.setAttribute("aria-invalid", "true");
    imageUrl.focus();
    fail([problem]);
  }
});

cancelButton.addEventListener("click", () => current?.abort());
imageUrl.addEventListener("input", onAddressChange);
for (const sample of sampleButtons) {
  sample.addEventListener("click", () => {
    imageUrl.value = addressOf(sample);
    onAddressChange();
  });
}
// After a reload some browsers fill the field with what was in it.
onAddressChange();
void begin();

/** What the gateway says of itself, the way in, and then what an earlier visit has left. */
async function begin(): Promise<void> {
  try {
    const reply = await fetch("/health");
    const health = (await reply.json()) as Health;
    upstream.textContent = describeUpstream(health.upstream);
    upstream.hidden = !health.ok;
    await access.open(health);
  } catch (error) {
    fail([error instanceof Refused ? error.message : describeNoAnswer()]);
    if (!(error instanceof Refused)) addEventListener("online", () => void beginAgain(), { once: true });
    return;
  }
  await resumeFromBefore();
}

/** Begins when the network is back, unless somebody has begun meanwhile. */
async function beginAgain(): Promise<void> {
  if (state !== "error") return;
  clear();
  setState("idle");
  await begin();
}

/**
 * Resumes what an earlier visit began: the newest by itself, the others on demand. Those whose task is
 * known come first.
 */
async function resumeFromBefore(): Promise<void> {
  const jobs = await showPending();
  const newest = jobs.find((job) => job.taskId !== null) ?? jobs[0];
  if (state !== "idle") return;
  if (newest) resumeJob(newest);
}

/** Lists what is unfinished, the newest first, without the job that runs here and those that other tabs run. */
async function showPending(): Promise<Pending[]> {
  // A store that cannot be read has nothing to list; an upscale will say what is wrong with it.
  const all = await upscaler.pending().catch(() => []);
  const elsewhere = await jobs.elsewhere();
  const running = state === "running" ? jobs.current : null;
  const others = all.reverse().filter(({ attempt }) => attempt !== running && !elsewhere.has(attempt));
  pendingList.show(others);
  return others;
}

async function dismiss({ attempt, taskId }: Pending): Promise<void> {
  try {
    // Another tab may have heard of its task meanwhile.
    const now = (await upscaler.pending()).find((job) => job.attempt === attempt);
    if (now?.taskId === taskId) await upscaler.forget({ attempt });
    if (attempt === jobs.current) {
      // Its result could not be shown, and need not be any more.
      await settle();
      clear();
      setState("idle");
    }
  } catch (error) {
    fail(describeFailure(error, taskId));
  }
  await showPending();
}

/** Waits for a task that was made earlier, or asks the gateway first whether one was. Either costs nothing. */
function resumeJob(job: Pending): void {
  clear();
  imageUrl.value = job.image;
  onAddressChange();
  jobs.take(job.attempt);
  void run(job.image, job, async ({ signal, onUpdate }) => {
    const resumed = upscaler.resume(job, { signal });
    for await (const update of resumed) onUpdate(update);
    return resumed.result();
  });
}

/** What is at this page's own address, as a sample is, goes along as a file: the service may not reach this machine. */
async function imageAt(url: string, signal: AbortSignal): Promise<string | Blob> {
  if (!URL.canParse(url) || new URL(url).origin !== location.origin) return url;
  try {
    return await (await fetch(url, { signal })).blob();
  } catch (cause) {
    throw signal.aborted ? cause : new NotFetched("The picture was not fetched.", { cause });
  }
}

/** Shows an upscale from its beginning to its end: a new one, or one of `before` that goes on. */
async function run(
  url: string,
  before: Pending | null,
  upscale: (options: RunOptions) => Promise<UpscaleResult>,
): Promise<void> {
  const controller = new AbortController();
  let taskId = before?.taskId ?? null;
  current = controller;

  setState("running");
  void showPending();
  status.textContent = before === null ? SENDING : before.taskId === null ? ASKING : RESUMING;
  const stopClock = startClock(elapsed, before?.createdAt);
  // Beside the upscale and not before it: a picture that loads slowly here, or never, must not hold up the rest.
  void showBefore(url, controller);
  // On a narrow screen it is below the form, out of sight.
  result.scrollIntoView({ block: "nearest" });

  try {
    const upscaled = await upscale({
      signal: controller.signal,
      onUpdate(update) {
        if (update.taskId !== undefined) taskId = update.taskId;
        else if (update.state === "warning") {
          warning.textContent = update.warning;
          return;
        }
        status.textContent = describeState(update.state);
        steps.reach(update.state);
      },
    });
    show(cancelButton, false);
    cost.textContent = upscaled.credits === null ? "unknown" : describeCredits(upscaled.credits);
    const { createTime, completeTime } = upscaled;
    // One that ended while nobody looked took as long as the service says, and not until somebody came.
    const took =
      before && createTime !== null && completeTime !== null ? completeTime - createTime : undefined;
    const address = webAddress(upscaled.url);
    if (address === null) {
      fail(describeNoAddress(upscaled.taskId));
      return;
    }
    download.href = address;
    download.hidden = false;
    const stop = () => stopClock(took);
    if (!(await showAfter(address, stop, controller))) void showLater(url, address, stop, controller);
  } catch (error) {
    if (controller.signal.aborted) {
      status.textContent = describeCancel(taskId);
      setState("idle");
    } else {
      fail(describeFailure(error, taskId));
    }
    await settle();
  } finally {
    stopClock();
    await showPending();
  }
}

/** The job that ran here is over, and there is nothing more to be seen of it. */
async function settle(): Promise<void> {
  // Where the store cannot be written, the job is listed again after a reload, which is no harm.
  await jobs.settle().catch(() => {});
}

async function showBefore(url: string, owner: AbortController): Promise<void> {
  try {
    await comparison.showBefore(url);
    if (current !== owner) return;
    beforeProblem.textContent = "";
    showSizes();
  } catch {
    // A load that the next run has put an end to says nothing about that one's picture.
    if (current !== owner) return;
    beforeSize.textContent = "unknown";
    beforeProblem.textContent = BEFORE_NOT_LOADED;
  }
}

/** Whether the result is shown, or need not be any more. */
async function showAfter(address: string, stopClock: () => string, owner: AbortController): Promise<boolean> {
  let after: Size;
  try {
    after = await comparison.showAfter(address);
  } catch {
    if (current !== owner) return true;
    stopClock();
    const problem = describeNotShown();
    if (state === "running" || errorPanel.textContent !== problem) fail([problem]);
    return false;
  }
  const time = stopClock();
  await settle();
  if (current !== owner) return true;
  errorPanel.hidden = true;
  showSizes();
  steps.reach("done");
  status.textContent = describeDone(time, comparison.before, after);
  setState("done");
  return true;
}

/**
 * Tries again to show the result: a few times by itself, and at once when the network is back. Until then the job stays
 * in the store.
 */
async function showLater(
  url: string,
  address: string,
  stopClock: () => string,
  owner: AbortController,
): Promise<void> {
  for (const wait of RETRIES) {
    await networkOr(wait);
    if (current !== owner) return;
    if (comparison.before === null) void showBefore(url, owner);
    if (await showAfter(address, stopClock, owner)) {
      await showPending();
      return;
    }
  }
}

/** Waits until the network is back, or for so many milliseconds where it is not gone. */
function networkOr(wait: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = navigator.onLine ? setTimeout(done, wait) : undefined;
    addEventListener("online", done);
    function done() {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    }
  });
}

function showSizes(): void {
  const { before, after } = comparison;
  if (before) beforeSize.textContent = describeSize(before);
  if (after) afterSize.textContent = describeSize(after);
  if (before && after) factor.textContent = describeFactor(before, after);
}

/** Takes away what the last run left, but not the address. */
function clear(): void {
  current = null;
  jobs.leave();
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
  download.removeAttribute("href");
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
  samples.disabled = imageFile.disabled = removeButton.disabled = pendingList.disabled = busy;
  show(cancelButton, busy);
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

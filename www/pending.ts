import type { Pending } from "crisp-upscale";
import { webAddress } from "./elements.js";
import { describePending, nameOf } from "./messages.js";

export interface PendingParts {
  group: HTMLFieldSetElement;
  list: HTMLUListElement;
  /** Where the keyboard's focus goes when a button of the list goes. */
  next: HTMLElement;
}

/** The unfinished jobs, each with what can be done about it. */
export class PendingList {
  readonly #parts: PendingParts;
  readonly #resume: (job: Pending) => void;
  readonly #dismiss: (job: Pending) => void;

  constructor(parts: PendingParts, resume: (job: Pending) => void, dismiss: (job: Pending) => void) {
    this.#parts = parts;
    this.#resume = resume;
    this.#dismiss = dismiss;
  }

  show(jobs: readonly Pending[]): void {
    const { group, list } = this.#parts;
    list.replaceChildren(...jobs.map((job) => this.#item(job)));
    group.hidden = jobs.length === 0;
  }

  set disabled(disabled: boolean) {
    this.#parts.group.disabled = disabled;
  }

  #item(job: Pending): HTMLLIElement {
    const item = document.createElement("li");
    const picture = document.createElement("img");
    picture.alt = "";
    picture.referrerPolicy = "no-referrer";
    // What cannot be shown shows nothing rather than the browser's broken picture.
    picture.addEventListener("error", () => picture.removeAttribute("src"));
    const address = webAddress(job.image);
    if (address !== null) picture.src = address;
    const name = document.createElement("strong");
    name.textContent = nameOf(job.image);
    const text = document.createElement("p");
    text.append(name, ` ${describePending(job)}`);
    const buttons = document.createElement("div");
    if (job.taskId === null) item.className = "unknown";
    buttons.append(this.#button("Resume", job, () => this.#resume(job)));
    buttons.append(this.#button("Dismiss", job, () => this.#dismiss(job)));
    item.append(picture, text, buttons);
    return item;
  }

  #button(label: string, { image }: Pending, act: () => void): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.ariaLabel = `${label}: ${nameOf(image)}`;
    button.addEventListener("click", () => {
      this.#parts.next.focus({ preventScroll: true });
      act();
    });
    return button;
  }
}

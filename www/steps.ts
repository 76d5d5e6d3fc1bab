/** The list of steps that a task goes through. A service may skip some, or name one that is not in the list. */
export class Steps {
  readonly #items: HTMLLIElement[];

  constructor(list: HTMLOListElement) {
    this.#items = [...list.querySelectorAll("li")];
  }

  reset(): void {
    this.#mark(-1);
  }

  /** A step that the list does not have leaves it as it is: the task goes on, only nobody knows where. */
  reach(step: string): void {
    const reached = this.#items.findIndex((item) => item.dataset.step === step);
    if (reached >= 0) this.#mark(reached);
  }

  #mark(reached: number): void {
    this.#items.forEach((item, index) => {
      item.classList.toggle("passed", index < reached);
      if (index === reached) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
  }
}

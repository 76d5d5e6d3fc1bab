import type { CrispCompare } from "crisp-upscale/compare";
import { describeLooking, type Size } from "./messages.js";

export interface ComparisonParts {
  result: HTMLElement;
  compare: CrispCompare;
  before: HTMLImageElement;
  after: HTMLImageElement;
  zoomFit: HTMLInputElement;
  zoomActual: HTMLInputElement;
  hint: HTMLElement;
}

/** The `<crisp-compare>` of the page, with what stands around it: the ways to look, and how to. */
export class Comparison {
  readonly #parts: ComparisonParts;
  #before: Size | null = null;
  #after: Size | null = null;

  constructor(parts: ComparisonParts) {
    this.#parts = parts;
    const { compare, zoomFit, zoomActual } = parts;
    zoomFit.addEventListener("change", () => (compare.zoomed = false));
    zoomActual.addEventListener("change", () => (compare.zoomed = true));
    compare.addEventListener("zoomchange", () => {
      zoomFit.checked = !compare.zoomed;
      zoomActual.checked = compare.zoomed;
      this.#showHint();
    });
    this.clear();
  }

  clear(): void {
    const { compare, before, after } = this.#parts;
    before.removeAttribute("src");
    after.removeAttribute("src");
    this.#before = this.#after = null;
    compare.split = 50;
    compare.zoomed = false;
    this.#showView();
  }

  /** Rejects where the picture cannot be loaded, or was replaced by another one meanwhile. */
  async showBefore(url: string): Promise<Size> {
    this.#before = await load(this.#parts.before, url);
    this.#showView();
    return this.#before;
  }

  /** As showBefore. */
  async showAfter(url: string): Promise<Size> {
    this.#after = await load(this.#parts.after, url);
    this.#showView();
    return this.#after;
  }

  get before(): Size | null {
    return this.#before;
  }

  get after(): Size | null {
    return this.#after;
  }

  #showView(): void {
    const { result } = this.#parts;
    result.dataset.view = this.#after ? (this.#before ? "both" : "after") : this.#before ? "before" : "empty";
    this.#showHint();
    const size = this.#after ?? this.#before;
    if (size) result.style.setProperty("--ratio", String(size.width / size.height));
  }

  #showHint(): void {
    const isComparable = this.#before !== null && this.#after !== null;
    this.#parts.hint.textContent = describeLooking(isComparable, this.#parts.compare.zoomed);
  }
}

async function load(image: HTMLImageElement, url: string): Promise<Size> {
  image.src = url;
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}

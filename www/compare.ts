import { describeLooking, type Size } from "./messages.js";

interface Point {
  x: number;
  y: number;
}

export interface ComparisonParts {
  result: HTMLElement;
  frame: HTMLElement;
  before: HTMLImageElement;
  after: HTMLImageElement;
  divider: HTMLElement;
  range: HTMLInputElement;
  zoomFit: HTMLInputElement;
  zoomActual: HTMLInputElement;
  hint: HTMLElement;
}

/** What a pointer that is down has hold of, and how things were when it went down. */
interface Drag {
  moves: "divider" | "picture";
  from: Point;
  centre: Point;
  split: number;
}

const MIDDLE: Point = { x: 0.5, y: 0.5 };

/** How far Shift and an arrow key move the picture, as a part of the frame. */
const PAN_STEP = 0.15;

const PAN_KEYS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/**
 * Two pictures over each other in one frame, the upper one cut off at a divider. The range input holds the
 * divider's place, so keyboard and screen reader have it for nothing; pointers anywhere on the frame write to it.
 */
export class Comparison {
  readonly #parts: ComparisonParts;
  #before: Size | null = null;
  #after: Size | null = null;
  /** The point of the picture that is in the middle of the frame, each coordinate from 0 to 1. */
  #centre = MIDDLE;
  #drag: Drag | null = null;

  constructor(parts: ComparisonParts) {
    this.#parts = parts;
    const { frame, range, zoomFit, zoomActual } = parts;

    range.addEventListener("input", () => this.#showSplit());
    range.addEventListener("keydown", (event) => this.#onKey(event));
    zoomFit.addEventListener("change", () => this.#setZoom(false, MIDDLE));
    zoomActual.addEventListener("change", () => this.#setZoom(true, MIDDLE));
    frame.addEventListener("pointerdown", (event) => this.#onPointerDown(event));
    frame.addEventListener("pointermove", (event) => this.#onPointerMove(event));
    frame.addEventListener("pointerup", (event) => this.#onPointerMove(event));
    frame.addEventListener("pointercancel", () => this.#onPointerCancel());
    frame.addEventListener("lostpointercapture", () => (this.#drag = null));
    frame.addEventListener("dblclick", (event) => this.#onDoubleClick(event));
    new ResizeObserver(() => this.#layOut()).observe(frame);

    this.clear();
  }

  clear(): void {
    const { before, after } = this.#parts;
    before.removeAttribute("src");
    after.removeAttribute("src");
    this.#before = this.#after = null;
    this.#setSplit(50);
    this.#setZoom(false, MIDDLE);
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

  get #zoomed(): boolean {
    return this.#parts.zoomActual.checked;
  }

  get #comparable(): boolean {
    return this.#before !== null && this.#after !== null;
  }

  /** The size that is laid out: the result's, and as long as there is none, the given picture's. */
  get #size(): Size | null {
    return this.#after ?? this.#before;
  }

  #showView(): void {
    const { result } = this.#parts;
    result.dataset.view = this.#after ? (this.#before ? "both" : "after") : this.#before ? "before" : "empty";
    this.#showHint();
    const size = this.#size;
    if (!size) return;
    result.style.setProperty("--ratio", String(size.width / size.height));
    this.#layOut();
  }

  #showHint(): void {
    this.#parts.hint.textContent = describeLooking(this.#comparable, this.#zoomed);
  }

  #showSplit(): void {
    const { frame, range } = this.#parts;
    const split = range.valueAsNumber;
    frame.style.setProperty("--split", `${split}%`);
    range.setAttribute("aria-valuetext", `${split} % before, ${100 - split} % after`);
  }

  #setZoom(zoomed: boolean, centre: Point): void {
    const { frame, zoomFit, zoomActual } = this.#parts;
    zoomFit.checked = !zoomed;
    zoomActual.checked = zoomed;
    frame.classList.toggle("zoomed", zoomed);
    this.#showHint();
    this.#centre = centre;
    this.#layOut();
  }

  #layOut(): void {
    const size = this.#size;
    const box = this.#parts.frame.getBoundingClientRect();
    if (!size || box.width === 0) return;

    // "Actual" means the screen's pixels, not CSS ones: on a dense screen a CSS pixel would show each of the picture's twice.
    const scale = this.#zoomed
      ? 1 / devicePixelRatio
      : Math.min(box.width / size.width, box.height / size.height);
    const width = size.width * scale;
    const height = size.height * scale;
    let x = place(box.width, width, this.#centre.x);
    let y = place(box.height, height, this.#centre.y);
    if (this.#zoomed) {
      // Between two pixels of the screen the browser would smear what is to be looked at.
      x = onPixel(box.left + x) - box.left;
      y = onPixel(box.top + y) - box.top;
    }
    // Read back from where it ended up, or a drag past the edge would have to be undone before it shows again.
    this.#centre = { x: (box.width / 2 - x) / width, y: (box.height / 2 - y) / height };

    const { style } = this.#parts.frame;
    style.setProperty("--width", `${width}px`);
    style.setProperty("--height", `${height}px`);
    style.setProperty("--x", `${x}px`);
    style.setProperty("--y", `${y}px`);
  }

  #setSplit(split: number): void {
    // A range input keeps its value within min and max by itself.
    this.#parts.range.valueAsNumber = Math.round(split);
    this.#showSplit();
  }

  /** Shows the point that was `offset` away from `centre`, in CSS pixels, in the middle. */
  #pan(centre: Point, offset: Point): void {
    const size = this.#size;
    if (!size) return;
    this.#centre = {
      x: centre.x + (offset.x * devicePixelRatio) / size.width,
      y: centre.y + (offset.y * devicePixelRatio) / size.height,
    };
    this.#layOut();
  }

  #onKey(event: KeyboardEvent): void {
    const direction = PAN_KEYS[event.key];
    if (!this.#zoomed || !event.shiftKey || !direction) return;
    event.preventDefault();
    const { clientWidth, clientHeight } = this.#parts.frame;
    this.#pan(this.#centre, {
      x: direction.x * clientWidth * PAN_STEP,
      y: direction.y * clientHeight * PAN_STEP,
    });
  }

  #onPointerDown(event: PointerEvent): void {
    const { frame, divider, range } = this.#parts;
    if (event.button !== 0 || !event.isPrimary || !this.#after) return;
    const onDivider = event.target instanceof Node && divider.contains(event.target);
    const moves = this.#zoomed && !onDivider ? "picture" : "divider";
    if (moves === "divider" && !this.#comparable) return;
    const from = { x: event.clientX, y: event.clientY };
    this.#drag = { moves, from, centre: this.#centre, split: range.valueAsNumber };
    frame.setPointerCapture(event.pointerId);
  }

  #onPointerMove(event: PointerEvent): void {
    if (!this.#drag) return;
    const { moves, from, centre } = this.#drag;
    if (moves === "picture") {
      this.#pan(centre, { x: from.x - event.clientX, y: from.y - event.clientY });
    } else {
      const box = this.#parts.frame.getBoundingClientRect();
      this.#setSplit(((event.clientX - box.left) / box.width) * 100);
    }
  }

  /** The browser has made up its mind that the finger scrolls the page, so it never meant the divider. */
  #onPointerCancel(): void {
    if (this.#drag) this.#setSplit(this.#drag.split);
  }

  #onDoubleClick(event: MouseEvent): void {
    if (!this.#after) return;
    const box = this.#parts.frame.getBoundingClientRect();
    this.#setZoom(!this.#zoomed, {
      x: (event.clientX - box.left) / box.width,
      y: (event.clientY - box.top) / box.height,
    });
  }
}

async function load(image: HTMLImageElement, url: string): Promise<Size> {
  image.src = url;
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}

/** Where the picture begins on one axis: `centre` of it in the middle of the frame, but no gap that it could fill. */
function place(frame: number, picture: number, centre: number): number {
  const free = frame - picture;
  return free >= 0 ? free / 2 : Math.min(0, Math.max(free, frame / 2 - centre * picture));
}

function onPixel(position: number): number {
  return Math.round(position * devicePixelRatio) / devicePixelRatio;
}

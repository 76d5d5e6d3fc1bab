/** A place, in pixels or as parts of a picture. */
interface Point {
  x: number;
  y: number;
}

/** A picture's own size, in pixels. */
interface Size {
  width: number;
  height: number;
}

/** Which pictures are loaded. */
export type CompareView = "empty" | "before" | "after" | "both";

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

// Pages and servers that style every image must not move these: an important declaration in here wins over theirs.
const STYLE = `
:host {
  display: block;
}
:host([hidden]) { display: none; }
.frame {
  --split: 50%;
  position: relative;
  width: 100%;
  min-height: inherit;
  aspect-ratio: var(--ratio, 1.5);
  overflow: hidden;
  cursor: ew-resize;
  user-select: none;
  -webkit-user-select: none;
  /* A finger that moves across compares, one that moves up or down scrolls the page. */
  touch-action: pan-y pinch-zoom;
}
.frame.zoomed { cursor: grab; touch-action: pinch-zoom; }
.frame.zoomed:active { cursor: grabbing; }
.layer { position: absolute; inset: 0; }
.layer-before { clip-path: inset(0 calc(100% - var(--split)) 0 0); }
::slotted(img) {
  position: absolute !important;
  top: 0 !important;
  left: 0 !important;
  width: var(--width) !important;
  height: var(--height) !important;
  max-width: none !important;
  margin: 0 !important;
  object-fit: contain !important;
  transform: translate(var(--x), var(--y)) !important;
  pointer-events: none !important;
}
.tag {
  position: absolute;
  top: 0.75rem;
  left: 0.75rem;
  padding: 0.25rem 0.5rem;
  background: #15171b;
  color: #ffffff;
  font: 600 0.75rem / 1.2 ui-monospace, monospace;
  pointer-events: none;
}
.layer-after .tag { right: 0.75rem; left: auto; }
/* The range is there for keyboards and screen readers; what is seen of it is the divider. */
input {
  position: absolute;
  inset: 0;
  width: 100%;
  height: 100%;
  margin: 0;
  opacity: 0;
  pointer-events: none;
}
.divider {
  position: absolute;
  top: 0;
  bottom: 0;
  left: var(--split);
  width: 2.75rem;
  margin-left: -1.375rem;
  cursor: ew-resize;
}
.divider::before {
  content: "";
  position: absolute;
  top: 0;
  bottom: 0;
  left: calc(50% - 1px);
  width: 2px;
  background: #ffffff;
  box-shadow: 0 0 0 1px #15171b;
}
.divider svg {
  position: absolute;
  box-sizing: border-box;
  bottom: 1.25rem;
  left: 0;
  width: 2.75rem;
  height: 2.75rem;
  padding: 0.625rem;
  border: 1px solid var(--crisp-compare-ink, #15171b);
  background: var(--crisp-compare-accent, #ffffff);
  fill: none;
  stroke: var(--crisp-compare-ink, #15171b);
  stroke-width: 2.5;
}
input:focus-visible ~ .divider svg {
  outline: 3px solid #ffffff;
  box-shadow: 0 0 0 6px #15171b;
}
.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
[data-view="before"] .layer-before { clip-path: none; }
[data-view="empty"] :is(.tag, .divider, input),
[data-view="before"] :is(.layer-after, .divider, input),
[data-view="after"] :is(.layer-before, .divider, input) { display: none; }
[data-view="before"], [data-view="empty"], [data-view="after"]:not(.zoomed) { cursor: default; }
@media (forced-colors: active) {
  .divider { forced-color-adjust: none; }
}
`;

const TEMPLATE = `
<div class="frame" part="frame" data-view="empty">
  <div class="layer layer-after"><slot name="after"></slot><span class="tag" part="tag" aria-hidden="true">After</span></div>
  <div class="layer layer-before"><slot name="before"></slot><span class="tag" part="tag" aria-hidden="true">Before</span></div>
  <label for="compare" class="unseen">Divider between before and after</label>
  <input id="compare" type="range" min="0" max="100" value="50" aria-describedby="keys">
  <p id="keys" class="unseen">Arrow keys compare. Enter shows actual pixels, and then Shift and an arrow key move the picture.</p>
  <div class="divider" part="divider" aria-hidden="true">
    <svg viewBox="0 0 24 24"><path d="M9 6l-6 6 6 6M15 6l6 6-6 6"/></svg>
  </div>
  <slot></slot>
</div>`;

// On a server there are no elements, and the module can be imported all the same.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/**
 * `<crisp-compare>`: two pictures over each other in one frame, the upper one cut off at a divider.
 *
 * ```html
 * <crisp-compare>
 *   <img slot="before" src="photo.jpg" alt="The photo">
 *   <img slot="after" src="photo-upscaled.png" alt="The photo, enlarged">
 * </crisp-compare>
 * ```
 *
 * The two images are the page's own, and so are their `alt`, `referrerpolicy` and error handling. Dragging and the arrow
 * keys move the divider. A double click or Enter shows actual pixels. What else is put into the element lies over the pictures.
 *
 * Colours of the handle: `--crisp-compare-accent` and `--crisp-compare-ink`. Parts: `frame`, `tag`, `divider`.
 *
 * Events: `viewchange` when another set of pictures is loaded, `zoomchange` when {@link zoomed} changes.
 */
export class CrispCompare extends Base {
  static readonly observedAttributes = ["zoomed"];

  readonly #frame: HTMLElement;
  readonly #divider: HTMLElement;
  readonly #range: HTMLInputElement;
  #before: Size | null = null;
  #after: Size | null = null;
  /** The point of the picture that is in the middle of the frame, each coordinate from 0 to 1. */
  #centre = MIDDLE;
  #drag: Drag | null = null;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    // A page's Content-Security-Policy need not allow inline styles for this.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.innerHTML = TEMPLATE;
    this.#frame = found(root, ".frame");
    this.#divider = found(root, ".divider");
    this.#range = found(root, "input");
    const [frame, range] = [this.#frame, this.#range];

    range.addEventListener("input", () => this.#showSplit());
    range.addEventListener("keydown", (event) => this.#onKey(event));
    frame.addEventListener("pointerdown", (event) => this.#onPointerDown(event));
    frame.addEventListener("pointermove", (event) => this.#onPointerMove(event));
    frame.addEventListener("pointerup", (event) => this.#onPointerMove(event));
    frame.addEventListener("pointercancel", () => this.#onPointerCancel());
    frame.addEventListener("lostpointercapture", () => (this.#drag = null));
    frame.addEventListener("dblclick", (event) => this.#onDoubleClick(event));
    new ResizeObserver(() => this.#layOut()).observe(frame);

    // These two do not bubble, but they can be captured.
    for (const type of ["load", "error"]) this.addEventListener(type, () => this.#look(), { capture: true });
    root.addEventListener("slotchange", () => this.#look());
    const observed = {
      attributes: true,
      attributeFilter: ["src", "srcset", "slot"],
      childList: true,
      subtree: true,
    };
    new MutationObserver(() => this.#look()).observe(this, observed);
    this.#showSplit();
  }

  /** Which pictures are loaded. */
  get view(): CompareView {
    if (this.#after) return this.#before ? "both" : "after";
    return this.#before ? "before" : "empty";
  }

  /** Whether each pixel of the picture is one of the screen. Else the whole picture is in sight. */
  get zoomed(): boolean {
    return this.hasAttribute("zoomed");
  }

  set zoomed(zoomed: boolean) {
    this.toggleAttribute("zoomed", zoomed);
  }

  /** How much of the frame is before the divider, from 0 to 100. */
  get split(): number {
    return this.#range.valueAsNumber;
  }

  set split(split: number) {
    // A range input keeps its value within min and max by itself.
    this.#range.valueAsNumber = Math.round(split);
    this.#showSplit();
  }

  /** @internal */
  attributeChangedCallback(): void {
    const zoomed = this.zoomed;
    if (this.#frame.classList.contains("zoomed") === zoomed) return;
    this.#frame.classList.toggle("zoomed", zoomed);
    this.#centre = MIDDLE;
    this.#layOut();
    this.dispatchEvent(new Event("zoomchange"));
  }

  /** Looks which pictures are there and loaded. */
  #look(): void {
    const before = this.view;
    this.#before = sizeOf(this.querySelector('img[slot="before"]'));
    this.#after = sizeOf(this.querySelector('img[slot="after"]'));
    this.#frame.dataset.view = this.view;
    const size = this.#size;
    if (size) this.#frame.style.setProperty("--ratio", String(size.width / size.height));
    this.#layOut();
    if (this.view !== before) this.dispatchEvent(new Event("viewchange"));
  }

  /** The size that is laid out: the result's, and as long as there is none, the given picture's. */
  get #size(): Size | null {
    return this.#after ?? this.#before;
  }

  #showSplit(): void {
    const { split } = this;
    this.#frame.style.setProperty("--split", `${split}%`);
    this.#range.setAttribute("aria-valuetext", `${split} % before, ${100 - split} % after`);
  }

  #layOut(): void {
    const size = this.#size;
    const box = this.#frame.getBoundingClientRect();
    if (!size || box.width === 0) return;

    // "Actual" means the screen's pixels, not CSS ones: on a dense screen a CSS pixel would show each of the picture's twice.
    const scale = this.zoomed
      ? 1 / devicePixelRatio
      : Math.min(box.width / size.width, box.height / size.height);
    const width = size.width * scale;
    const height = size.height * scale;
    let x = place(box.width, width, this.#centre.x);
    let y = place(box.height, height, this.#centre.y);
    if (this.zoomed) {
      // Between two pixels of the screen the browser would smear what is to be looked at.
      x = onPixel(box.left + x) - box.left;
      y = onPixel(box.top + y) - box.top;
    }
    // Read back from where it ended up, or a drag past the edge would have to be undone before it shows again.
    this.#centre = { x: (box.width / 2 - x) / width, y: (box.height / 2 - y) / height };

    const { style } = this.#frame;
    style.setProperty("--width", `${width}px`);
    style.setProperty("--height", `${height}px`);
    style.setProperty("--x", `${x}px`);
    style.setProperty("--y", `${y}px`);
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
    if (event.key === "Enter") {
      event.preventDefault();
      this.zoomed = !this.zoomed;
      return;
    }
    const direction = PAN_KEYS[event.key];
    if (!this.zoomed || !event.shiftKey || !direction) return;
    event.preventDefault();
    const { clientWidth, clientHeight } = this.#frame;
    this.#pan(this.#centre, {
      x: direction.x * clientWidth * PAN_STEP,
      y: direction.y * clientHeight * PAN_STEP,
    });
  }

  #onPointerDown(event: PointerEvent): void {
    if (event.button !== 0 || !event.isPrimary || !this.#after) return;
    const onDivider = event.target instanceof Node && this.#divider.contains(event.target);
    const moves = this.zoomed && !onDivider ? "picture" : "divider";
    if (moves === "divider" && this.view !== "both") return;
    const from = { x: event.clientX, y: event.clientY };
    this.#drag = { moves, from, centre: this.#centre, split: this.split };
    this.#frame.setPointerCapture(event.pointerId);
  }

  #onPointerMove(event: PointerEvent): void {
    if (!this.#drag) return;
    const { moves, from, centre } = this.#drag;
    if (moves === "picture") {
      this.#pan(centre, { x: from.x - event.clientX, y: from.y - event.clientY });
    } else {
      const box = this.#frame.getBoundingClientRect();
      this.split = ((event.clientX - box.left) / box.width) * 100;
    }
  }

  /** The browser has made up its mind that the finger scrolls the page, so it never meant the divider. */
  #onPointerCancel(): void {
    if (this.#drag) this.split = this.#drag.split;
  }

  #onDoubleClick(event: MouseEvent): void {
    if (!this.#after) return;
    const box = this.#frame.getBoundingClientRect();
    this.zoomed = !this.zoomed;
    if (!this.zoomed) return;
    this.#centre = {
      x: (event.clientX - box.left) / box.width,
      y: (event.clientY - box.top) / box.height,
    };
    this.#layOut();
  }
}

/** A picture that is loaded has a size. */
function sizeOf(image: Element | null): Size | null {
  if (!(image instanceof HTMLImageElement) || !image.hasAttribute("src") || !image.complete) return null;
  const { naturalWidth: width, naturalHeight: height } = image;
  return width > 0 && height > 0 ? { width, height } : null;
}

/** Where the picture begins on one axis: `centre` of it in the middle of the frame, but no gap that it could fill. */
function place(frame: number, picture: number, centre: number): number {
  const free = frame - picture;
  return free >= 0 ? free / 2 : Math.min(0, Math.max(free, frame / 2 - centre * picture));
}

function onPixel(position: number): number {
  return Math.round(position * devicePixelRatio) / devicePixelRatio;
}

function found<T extends Element>(root: ShadowRoot, selector: string): T {
  return root.querySelector(selector) as T;
}

// Another copy of this module may have been faster; an element's name can be given once.
if (globalThis.customElements?.get("crisp-compare") === undefined) {
  globalThis.customElements?.define("crisp-compare", CrispCompare);
}

declare global {
  interface HTMLElementTagNameMap {
    "crisp-compare": CrispCompare;
  }
}

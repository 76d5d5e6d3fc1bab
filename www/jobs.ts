import { indexedDb, type Store } from "crisp-upscale";

/** What the package puts before the name of an attempt, in its store. */
const PREFIX = "crisp-upscale/";

/** Under which name this tab keeps its own name, which outlives a reload. */
const TAB = "tab";

/**
 * The package's store, for this page: a job stays in it until its result was shown, and other tabs can tell which
 * jobs this one runs.
 *
 * The tab that runs a job holds a Web Lock of its name, which the browser releases when the tab ends. A page that came
 * by http has no locks. There each tab lists the jobs of the others too; to follow one twice does no harm.
 */
export class JobStore implements Store {
  // An entry in it is on the disk before the request leaves, and every tab sees it at once. A browser writes
  // localStorage when it likes, and shows another tab what was in it a moment ago.
  readonly #texts = indexedDb();
  readonly #tab: string;
  readonly #onEnd: () => void;
  /** The job of this tab, by its attempt. */
  #current: string | null = null;
  /** Whether the package has deleted it, which is done when its result was shown. */
  #ended = false;
  #release: (() => void) | null = null;
  /** The locks of other tabs that are waited for. */
  readonly #watched = new Set<string>();

  /** @param onEnd called when another tab has released a job that {@link elsewhere} named */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#tab = sessionStorage.getItem(TAB) ?? String(crypto.getRandomValues(new Uint32Array(2)));
    sessionStorage.setItem(TAB, this.#tab);
  }

  readonly get = (name: string) => this.#texts.get(name);

  readonly keys = () => this.#texts.keys();

  /** Only jobs that this tab runs are written. */
  readonly set = (name: string, text: string) => {
    this.take(name.slice(PREFIX.length));
    return this.#texts.set(name, text);
  };

  readonly delete = async (name: string) => {
    if (name === PREFIX + this.#current) this.#ended = true;
    else await this.#texts.delete(name);
  };

  /** The job that this tab runs. */
  get current(): string | null {
    return this.#current;
  }

  /** This tab runs the job from now on. */
  take(attempt: string): void {
    this.#ended = false;
    if (attempt === this.#current) return;
    this.leave();
    this.#current = attempt;
    const held = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    // Not waited for: nothing depends on it.
    navigator.locks?.request(this.#lock(attempt), () => held).catch(ignore);
  }

  /** This tab runs its job no longer, and its result was shown: deletes it if the package did. */
  async settle(): Promise<void> {
    const name = this.#ended ? PREFIX + this.#current : null;
    this.leave();
    if (name !== null) await this.#texts.delete(name);
  }

  /** This tab runs its job no longer. A job whose result was not shown stays in the store. */
  leave(): void {
    this.#current = null;
    this.#ended = false;
    this.#release?.();
    this.#release = null;
  }

  /** The jobs that other tabs run, by their attempts. */
  async elsewhere(): Promise<Set<string>> {
    const { held = [] } = (await navigator.locks?.query().catch(ignore)) ?? {};
    const attempts = new Set<string>();
    for (const { name = "" } of held) {
      const attempt = name.slice(PREFIX.length, name.lastIndexOf(" "));
      // After a reload, the lock of the page before it may still be there.
      if (!name.startsWith(PREFIX) || name === this.#lock(attempt)) continue;
      attempts.add(attempt);
      this.#watch(name);
    }
    return attempts;
  }

  #watch(name: string): void {
    if (this.#watched.has(name)) return;
    this.#watched.add(name);
    // Granted when the other tab has released it.
    navigator.locks
      .request(name, { mode: "shared" }, ignore)
      .then(() => {
        this.#watched.delete(name);
        this.#onEnd();
      })
      .catch(ignore);
  }

  #lock(attempt: string): string {
    return `${PREFIX}${attempt} ${this.#tab}`;
  }
}

function ignore(): undefined {}

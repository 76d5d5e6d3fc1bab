import { type ClassAttributes, type HTMLAttributes, useCallback, useEffect, useRef, useState } from "react";
import { isUpscaleError, type UpscaleError } from "./errors.js";
import type { Job } from "./job.js";
import type { EarlyUpdate, ImageSource, Ticket, Update, UpscaleOptions, UpscaleResult } from "./types.js";

/** What a component shows of an upscale. */
export type UpscaleView =
  | {
      /** Nothing is under way. */
      state: "idle";
      progress: null;
      result: null;
      error: null;
    }
  | {
      /** An upscale is under way. */
      state: "running";
      /** The last update: `uploading`, `submitted`, `generating`, …; `null` before the first. */
      progress: string | null;
      result: null;
      error: null;
    }
  | {
      /** It is done. */
      state: "done";
      progress: null;
      /** What came out. */
      result: UpscaleResult;
      error: null;
    }
  | {
      /** It failed. */
      state: "error";
      progress: null;
      result: null;
      /** Why, and whether something was charged. */
      error: UpscaleError;
    };

/** What {@link useUpscale} returns. */
export type UseUpscale = UpscaleView & {
  /**
   * Enlarges an image. While the same image is being enlarged, another call does nothing, so neither a double click nor
   * an effect that React runs twice pays twice. Another image takes the place of the one under way, whose task goes on.
   */
  upscale(image: ImageSource, options?: Omit<UpscaleOptions, "signal" | "onUpdate">): void;
  /** Goes on with a task, as after an error that has a `resume`: `resume(error.taskId)`. Costs nothing. */
  resume(ticket: Ticket | string): void;
  /** Ends the waiting. A task that was made goes on, is charged, and stays in the upscaler's store. */
  cancel(): void;
};

/** What the hook needs of an `Upscaler` of whatever runtime. */
interface Upscales {
  upscale(image: ImageSource, options?: UpscaleOptions): Promise<UpscaleResult>;
  resume(ticket: Ticket | string, options?: { signal?: AbortSignal }): Job;
  pending(): Promise<{ taskId: string | null }[]>;
}

/**
 * An upscale as a component's state.
 *
 * When the component mounts, it goes on with the newest job of the upscaler's store that has a task: after a reload, where
 * the store outlives it. When the component unmounts, the waiting ends, and no task is lost.
 *
 * ```tsx
 * const upscaler = new Upscaler({ baseUrl, token, store: indexedDb() }); // outside of the component
 *
 * function Enlarge({ file }) {
 *   const { state, progress, result, error, upscale } = useUpscale(upscaler);
 *   …
 * }
 * ```
 *
 * @param upscaler Made once, outside of the component. Components that show different jobs need one each, with a store
 *   of its own.
 */
export function useUpscale(upscaler: Upscales): UseUpscale {
  const [view, setView] = useState<UpscaleView>(IDLE);
  const current = useRef<Run | null>(null);

  const begin = useCallback((run: Run, watch: (run: Run, show: Show) => Promise<UpscaleResult>) => {
    current.current?.leave();
    current.current = run;
    setView(RUNNING);
    const show = (view: UpscaleView) => {
      if (current.current === run) setView(view);
    };
    const end = (view: UpscaleView) => {
      show(view);
      if (current.current === run) current.current = null;
    };
    watch(run, (progress) => show({ ...RUNNING, progress })).then(
      (result) => end({ state: "done", progress: null, result, error: null }),
      (error) => end(isUpscaleError(error) ? { state: "error", progress: null, result: null, error } : IDLE),
    );
  }, []);

  const upscale = useCallback<UseUpscale["upscale"]>(
    (image, options = {}) => {
      if (current.current !== null && current.current.image === image) return;
      begin(new Run(image), (run, show) => {
        const onUpdate = (update: EarlyUpdate | Update) => {
          run.reached(update.state);
          if (update.state !== "warning") show(update.state);
        };
        return upscaler.upscale(image, { ...options, signal: run.signal, onUpdate });
      });
    },
    [upscaler, begin],
  );

  const resume = useCallback<UseUpscale["resume"]>(
    (ticket) => {
      begin(new Run(null), async (run, show) => {
        const job = upscaler.resume(ticket, { signal: run.signal });
        for await (const { state } of job) show(state);
        return job.result();
      });
    },
    [upscaler, begin],
  );

  const cancel = useCallback(() => {
    current.current?.leave();
    current.current = null;
    setView(IDLE);
  }, []);

  useEffect(() => {
    let isMounted = true;
    // React's StrictMode unmounts and mounts at once, and whatever is under way goes on.
    current.current?.stay();
    if (current.current === null) {
      upscaler.pending().then(
        (pending) => {
          const taskId = pending.filter(({ taskId }) => taskId !== null).at(-1)?.taskId;
          if (isMounted && current.current === null && taskId) resume(taskId);
        },
        // A store that fails has no jobs to go on with; the next upscale says what is wrong with it.
        () => {},
      );
    }
    return () => {
      isMounted = false;
      current.current?.leaveSoon(() => {
        current.current = null;
        setView(IDLE);
      });
    };
  }, [upscaler, resume]);

  return { ...view, upscale, resume, cancel };
}

type Show = (progress: string) => void;

const IDLE: UpscaleView = { state: "idle", progress: null, result: null, error: null };
const RUNNING = { state: "running", progress: null, result: null, error: null } as const;

/** An upscale under way, and how to leave it without losing its task. */
class Run {
  readonly image: ImageSource | null;
  readonly #controller = new AbortController();
  /** Whether the task is being made: an abort then would lose its id. */
  #isMaking: boolean;
  #isLeft = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param image `null` for a task that is made already */
  constructor(image: ImageSource | null) {
    this.image = image;
    this.#isMaking = typeof image === "string" || image instanceof URL;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** A file is uploaded first, and that may be aborted. */
  reached(state: string): void {
    if (state === "warning") return;
    this.#isMaking = state === "uploaded";
    if (this.#isLeft) this.leave();
  }

  /** Ends the waiting: at once, or as soon as the task's id is known. */
  leave(): void {
    clearTimeout(this.#timer);
    this.#isLeft = true;
    if (!this.#isMaking) this.#controller.abort();
  }

  /** The same, unless {@link stay} is called at once. */
  leaveSoon(left: () => void): void {
    this.#timer = setTimeout(() => {
      this.leave();
      left();
    });
  }

  /** It is not left. */
  stay(): void {
    clearTimeout(this.#timer);
  }
}

/** What `<crisp-compare>` takes in JSX. */
export type CrispCompareProps = ClassAttributes<HTMLElement> &
  HTMLAttributes<HTMLElement> & { zoomed?: boolean };

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      /** The element of `crisp-upscale/compare`, which has to be imported for it to work. */
      "crisp-compare": CrispCompareProps;
    }
  }
}

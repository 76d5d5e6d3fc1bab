import { ASK_PASSPHRASE, describeClosed, describeWrong } from "./messages.js";

export interface AccessParts {
  form: HTMLFormElement;
  passphrase: HTMLInputElement;
  message: HTMLElement;
  /** What is of no use until the passphrase is known. */
  behind: HTMLElement;
}

/** What the gateway says of itself: which settings keep it closed, whether a passphrase is set, what answers behind it. */
export interface Health {
  ok: boolean;
  settings: Record<string, string>;
  page: boolean;
  upstream: string;
}

/** The gateway gives no token, and the message says why. */
export class Refused extends Error {}

/** Under which name this tab keeps the passphrase, and an address carries it in its fragment. */
const PASSPHRASE = "passphrase";

/**
 * The page's way in: the passphrase, which this tab remembers and asks for where it has to, and the tokens that the
 * gateway gives for it.
 */
export class Access {
  readonly #parts: AccessParts;
  /** From the opening, for whoever needs one first. */
  #held: Promise<string> | null = null;
  #onGiven: ((passphrase: string) => void) | null = null;

  constructor(parts: AccessParts) {
    this.#parts = parts;
    this.#takeFromAddress();
    addEventListener("hashchange", () => this.#takeFromAddress());
    parts.behind.hidden = sessionStorage.getItem(PASSPHRASE) === null;
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = parts.passphrase.value;
      if (given === "") parts.passphrase.focus();
      else this.#onGiven?.(given);
    });
  }

  /** A new token, and the `token` function of an `Upscaler`. It waits for a person where it has to. */
  readonly token = (): Promise<string> => {
    const token = this.#held ?? this.#get();
    this.#held = null;
    return token;
  };

  /** Waits until the gateway has given a token. Rejects with a {@link Refused} where it gives none to anybody. */
  async open({ ok, settings, page }: Health): Promise<void> {
    const closed = describeClosed(ok ? [] : Object.keys(settings), page);
    if (closed !== null) {
      this.#parts.behind.hidden = true;
      throw new Refused(closed);
    }
    this.#held = this.#get();
    await this.#held;
  }

  async #get(): Promise<string> {
    const { form, behind, passphrase: field } = this.#parts;
    for (let problem: string | null = null; ; ) {
      const passphrase = sessionStorage.getItem(PASSPHRASE) ?? (await this.#ask(problem));
      const reply = await fetch("/token", { method: "POST", body: JSON.stringify({ passphrase }) });
      const { token, msg } = (await reply.json()) as { token: string; msg: string };
      if (reply.ok) {
        sessionStorage.setItem(PASSPHRASE, passphrase);
        form.hidden = true;
        behind.hidden = false;
        field.value = "";
        return token;
      }
      sessionStorage.removeItem(PASSPHRASE);
      if (reply.status !== 401) throw new Refused(msg);
      problem = describeWrong(msg);
    }
  }

  #ask(problem: string | null): Promise<string> {
    const { form, behind, message, passphrase } = this.#parts;
    message.textContent = problem ?? ASK_PASSPHRASE;
    message.classList.toggle("wrong", problem !== null);
    if (problem === null) passphrase.removeAttribute("aria-invalid");
    else passphrase.setAttribute("aria-invalid", "true");
    behind.hidden = true;
    form.hidden = false;
    passphrase.focus();
    passphrase.select();
    return new Promise((resolve) => {
      this.#onGiven = resolve;
    });
  }

  /** Out of the fragment, which no server is ever sent, and out of sight. */
  #takeFromAddress(): void {
    const given = new URLSearchParams(location.hash.slice(1)).get(PASSPHRASE);
    if (given === null) return;
    history.replaceState(history.state, "", location.pathname + location.search);
    sessionStorage.setItem(PASSPHRASE, given);
    this.#onGiven?.(given);
  }
}

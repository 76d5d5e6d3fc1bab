/** What a runtime says that refuses a port: a proof that nothing was sent, and no reason to try again. */
const NOT_SENT = "bad port";

/** Through which all requests go. Once it is closed, no task is made any more; everything else goes on. */
export class Gate {
  readonly #fetch: (request: Request) => Promise<Response>;
  readonly #sent = new Set<string>();
  #closed = false;

  constructor(fetch: (request: Request) => Promise<Response>) {
    this.#fetch = fetch;
  }

  close(): void {
    this.#closed = true;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  readonly send = async (request: Request): Promise<Response> => {
    if (!new URL(request.url).pathname.endsWith("/api/v1/jobs/createTask")) return this.#fetch(request);
    const { input } = await request.clone().json();
    if (this.#closed) throw new TypeError(NOT_SENT);
    this.#sent.add(input.image);
    return this.#fetch(request);
  };

  /** Whether a request to make a task of this URL has left. */
  hasSent(url: string | undefined): boolean {
    return url !== undefined && this.#sent.has(url);
  }

  /** The request to make a task of this URL is settled. */
  settled(url: string | undefined): void {
    if (url !== undefined) this.#sent.delete(url);
  }
}

/**
 * The gateway, as a Worker. Export it as your own Worker's default, or call its `fetch` for the paths that it answers.
 *
 * It reads its settings from `env`, where the binding `ACCOUNT` must be the Durable Object {@link Account}.
 */
declare const gateway: {
  fetch(request: Request, env: object, context: object): Promise<Response>;
};
export default gateway;

/** The Durable Object that holds all jobs. Export it from your Worker, and bind it as `ACCOUNT`. */
export declare class Account {
  constructor(state: object, env: object);
  fetch(request: Request): Promise<Response>;
  alarm(): Promise<void>;
}

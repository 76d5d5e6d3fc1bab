/** What crosses the boundary to the Rust crate, as JSON. Each is described there. */

export interface Form {
  fields: Record<string, string>;
  fileName?: string;
}

export type Outcome =
  | { kind: "enlarged" }
  | { kind: "refused"; reason: string }
  | { kind: "unreachable" }
  | { kind: "tooLarge" }
  | { kind: "crashed" };

export type SandboxEvent =
  | {
      type: "request";
      method: string;
      origin: string;
      path: string;
      query: Record<string, string>;
      authorization: string | null;
      range: string | null;
      form: Form | null;
    }
  | { type: "fetched"; upload: number; found: boolean }
  | { type: "enlarged"; task: string; outcome: Outcome }
  | { type: "calledBack"; task: string; answered: boolean }
  | { type: "woken" };

export interface Source {
  url: string;
  path: string | null;
  limit: number;
}

export type Work =
  | { type: "fetch"; upload: number; source: Source }
  | { type: "enlarge"; task: string; source: Source; factor: number }
  | { type: "callback"; task: string; url: string; headers: [string, string][]; body: string };

export interface Turn {
  reply: { status: number; headers: [string, string][]; delay: number } | null;
  work: Work[];
  wakeAt: number | null;
}

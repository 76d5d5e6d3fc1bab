// @ts-check
// The built package over real sockets that break, in Node, in a page and in workerd: each fault with each kind of
// request. The outcome is compared with the ledger of the sandbox behind them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "../../scripts/serve.mjs";
import { EARLIER, faultsOf } from "../kit/faults.mjs";
import { fixtures, tokenOf } from "../kit/gateway.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";
import { hosts } from "./hosts.mjs";

/** @typedef {ReturnType<typeof faultsOf>} Faults */
/** @typedef {keyof Faults | "a closed port"} Name */
/** @typedef {import("../kit/faults.mjs").Kind} Kind */
/** @typedef {import("./runner.mjs").End} End */

/** How many times as fast time runs for a client. */
const SPEED = 15;
/** The same where its timeout is what ends a request. */
const FASTER = 60;
/** The same where that is of minutes. */
const FASTEST = 200;

/** The most that a broken reply may put on the line: of 10 GB a client reads one MiB, and some is on its way. */
const MOST = 64 * 1024 * 1024;

/** How wide `small.png` is upscaled, in pixels, and how wide it is itself. */
const WIDTH = 128;
const UNSCALED = 32;

/** All faults, and of a createTask straight at the API how it ends and whether the service made a task. */
const CREATE = /** @type {const} @satisfies {Record<Name, readonly [end: string, tasks: number]>} */ ({
  // In Node alone the runtime proves that nothing was sent: see below.
  "a closed port": ["outcome-unknown", 0],
  "reset before it is taken": ["outcome-unknown", 0],
  "reset after it is taken": ["outcome-unknown", 1],
  "cut in mid-body": ["outcome-unknown", 1],
  "a byte a second": ["outcome-unknown", 1],
  "10 GB": ["outcome-unknown", 1],
  "longer than it says": ["outcome-unknown", 1],
  "shorter than it says": ["outcome-unknown", 1],
  "invalid UTF-8": ["outcome-unknown", 1],
  "deep JSON": ["outcome-unknown", 1],
  "a redirect to another host": ["outcome-unknown", 0],
});
const NAMES = /** @type {Name[]} */ (Object.keys(CREATE));

/** How an upload ends of which every try meets the fault. */
const UPLOAD =
  /** @type {const} @satisfies {Partial<Record<Name, readonly [end: string, retryable: boolean]>>} */ ({
    "reset before it is taken": ["unreachable", true],
    "reset after it is taken": ["unreachable", true],
    "cut in mid-body": ["unreachable", true],
    "a byte a second": ["timeout", true],
    "10 GB": ["bad-reply", true],
    "longer than it says": ["bad-reply", true],
    "invalid UTF-8": ["bad-reply", true],
    "a redirect to another host": ["bad-reply", false],
  });

// Most of what they do is to wait.
describe("over sockets that break", { concurrency: true }, () => {
  for (const [name, start] of Object.entries(hosts)) {
    describe(name, { concurrency: 1 }, () => {
      /** @type {import("./hosts.mjs").Host} */
      let host;
      /** @type {Awaited<ReturnType<typeof fixtures>>} */
      let own;
      /** Where redirects lead, and the keys that came there. @type {Awaited<ReturnType<typeof serve>>} */
      let other;
      /** @type {(string | null)[]} */
      const keys = [];
      /** @type {(() => Promise<void>)[]} */
      const ends = [];

      before(async () => {
        host = await start();
        ends.push(() => host.stop());
        // Long enough to be listened for.
        const delays = { waiting: 50, queuing: 50, generating: 150 };
        const settings = { ORIGINS: host.faults.url, TASKS_PER_HOUR: "none", CREATE_LIMIT: "0" };
        own = await fixtures({ after: (end) => void ends.push(end) }, { sandbox: { delays }, settings });
        const small = await (await fetch(`${own.images}/small.png`)).arrayBuffer();
        other = await serve(
          async ({ headers }) => {
            keys.push(headers.get("authorization"));
            return new Response(small, { headers: { "access-control-allow-origin": "*" } });
          },
          { port: 0 },
        );
        ends.push(() => other.close());
      });
      after(async () => {
        for (const end of ends.reverse()) await end();
      });

      /**
       * @typedef {object} How
       * @property {import("./runner.mjs").Call} call
       * @property {Kind} [kind] of the requests that the fault befalls
       * @property {Name} [fault]
       * @property {number} [times]
       * @property {number} [speed]
       * @property {number} [timeout]
       * @property {(play: () => Promise<End>) => Promise<End>} [meanwhile] plays it, and does something else besides
       */

      /** Plays one order, straight at a sandbox of its own. @param {How} how */
      async function straight({
        call,
        kind,
        fault,
        times = 1,
        speed = SPEED,
        timeout,
        meanwhile = (play) => play(),
      }) {
        const sandbox = quickSandbox();
        try {
          // Loads its WebAssembly, before anybody's timeout runs.
          await sandbox.ledger();
          await host.faults.set(sandbox.fetch, plan(kind, fault, times, speed));
          const order = { ...common(), call, speed, ...(timeout ? { timeout } : {}) };
          const end = await meanwhile(() => host.play(order));
          const { tasks, keysSentToFiles } = await sandbox.ledger();
          return checked(end, fault, { tasks: tasks.length, keysSentToFiles });
        } finally {
          await sandbox.close();
        }
      }

      /** Plays an upscale through the gateway. @param {Omit<How, "call" | "timeout">} how */
      async function through({ kind, fault, times = 1, speed = SPEED, meanwhile = (play) => play() }) {
        const made = (await own.sandbox.ledger()).tasks.length;
        const { url } = own;
        await host.faults.set(
          ({ url: asked, method, headers, body }) => {
            const { pathname, search } = new URL(asked);
            const init = { method, headers, body, duplex: "half" };
            return fetch(`${url}${pathname}${search}`, init);
          },
          plan(kind, fault, times, speed),
        );
        const order = {
          ...common(),
          call: /** @type {const} */ ("upscale"),
          token: await tokenOf(name),
          speed,
        };
        const end = await meanwhile(() => host.play(order));
        const { tasks, keysSentToFiles } = await own.sandbox.ledger();
        return checked(end, fault, { tasks: tasks.length - made, keysSentToFiles });
      }

      const common = () => ({
        base: host.faults.url,
        control: host.faults.control,
        image: `${own.images}/small.png`,
      });

      /** @param {Kind | undefined} kind @param {Name | undefined} name @param {number} times @param {number} speed */
      function plan(kind, name, times, speed) {
        if (kind === undefined || name === undefined) return undefined;
        const all = faultsOf({ second: 1000 / speed, other: other.url });
        return {
          kind,
          times,
          fault: name === "a closed port" ? /** @type {const} */ ("refused") : all[name],
        };
      }

      /**
       * What must be true of whatever was played.
       *
       * @param {End} end
       * @param {Name | undefined} fault
       * @param {{ tasks: number, keysSentToFiles: number }} ledger
       */
      function checked(end, fault, ledger) {
        const { befell, sent, seen } = host.faults.ledger();
        assert.ok(fault === undefined || befell > 0, `the fault befell no request: ${JSON.stringify(end)}`);
        assert.ok(sent < MOST, `${sent} bytes were sent`);
        assert.equal(ledger.keysSentToFiles, 0);
        assert.deepEqual(
          keys.filter((key) => key !== null),
          [],
          "no other host sees the key",
        );
        assert.doesNotMatch(end.message ?? "", /sandbox/, "nor does a message");
        // workerd itself reports a body that breaks, even to a page's own `read().catch()`.
        if (name !== "workerd") assert.equal(end.unhandled, 0, "no rejection is unhandled");
        return { end, ...ledger, seen };
      }

      const speedOf = (/** @type {Name} */ fault) => (fault === "a byte a second" ? FASTER : SPEED);

      test("without a fault", async () => {
        const { end, tasks, seen } = await straight({ call: "head" });
        assert.deepEqual([end.end, end.width, tasks], ["resolved", WIDTH, 1], end.message);
        assert.equal(seen.filter((kind) => kind === "create").length, 1);
        const pushed = await through({ speed: 1 });
        assert.deepEqual([pushed.end.end, pushed.tasks], ["resolved", 1], pushed.end.message);
        assert.ok(pushed.seen.includes("events") && !pushed.seen.includes("poll"));
      });

      describe("a createTask straight at the API", () => {
        for (const fault of NAMES) {
          test(fault, async () => {
            const times = Number.POSITIVE_INFINITY;
            const { end, tasks, seen } = await straight({
              ...{ call: "create", kind: "create", fault, times },
              speed: speedOf(fault),
            });
            const proven = fault === "a closed port" && name === "Node";
            const [kind, made] = proven ? /** @type {const} */ (["unreachable", 0]) : CREATE[fault];
            assert.deepEqual([end.end, tasks], [kind, made], end.message);
            assert.deepEqual([end.charged, end.retryable], proven ? ["no", true] : ["unknown", false]);
            assert.ok(seen.length <= 1, "it is not sent again");
          });
        }
      });

      describe("a createTask to the gateway: one task, and its result", () => {
        for (const fault of NAMES) {
          test(fault, async () => {
            const { end, tasks } = await through({ kind: "create", fault, speed: speedOf(fault) });
            assert.deepEqual([end.end, tasks], ["resolved", 1], end.message);
          });
        }
      });

      describe("a poll: the job lives", () => {
        for (const fault of NAMES) {
          test(fault, async () => {
            const { end, tasks } = await straight({
              ...{ call: "upscale", kind: "poll", fault },
              speed: speedOf(fault),
            });
            assert.deepEqual([end.end, tasks], ["resolved", 1], end.message);
          });
        }
      });

      describe("every poll: the error has the task, and it is resumed", () => {
        for (const fault of NAMES.filter((fault) => fault !== "a closed port")) {
          test(fault, async () => {
            const { end, tasks } = await straight({
              ...{ call: "upscale", kind: "poll", fault, times: Number.POSITIVE_INFINITY },
              ...{ speed: FASTER, timeout: 120_000 },
            });
            assert.deepEqual([end.end, tasks], ["timeout", 1], end.message);
            assert.deepEqual([end.charged, end.resumed], ["unknown", "resolved"], end.message);
            assert.match(end.taskId ?? "", /./);
          });
        }
      });

      describe("an upload: it is sent again", () => {
        for (const fault of NAMES.filter((fault) => fault !== "a redirect to another host")) {
          test(fault, async () => {
            const speed = fault === "a byte a second" ? FASTEST : SPEED;
            const { end } = await straight({ call: "upload", kind: "upload", fault, speed });
            assert.equal(end.end, "resolved", end.message);
          });
        }
      });

      describe("every upload: three times at most, and nothing is charged", () => {
        for (const [fault, [kind, retryable]] of Object.entries(UPLOAD)) {
          test(fault, async () => {
            const { end, tasks, seen } = await straight({
              ...{ call: "upload", kind: "upload", fault: /** @type {Name} */ (fault) },
              ...{ times: Number.POSITIVE_INFINITY, speed: fault === "a byte a second" ? FASTEST : SPEED },
            });
            assert.deepEqual([end.end, end.charged, end.retryable], [kind, "no", retryable], end.message);
            assert.deepEqual([seen.length, tasks], [retryable ? 3 : 1, 0]);
          });
        }
      });

      describe("a result's first bytes: there is a result all the same", () => {
        for (const fault of NAMES) {
          test(fault, async () => {
            const { end, tasks } = await straight({ call: "head", kind: "head", fault });
            assert.deepEqual([end.end, tasks], ["resolved", 1], end.message);
            // Only here a redirect is followed, since no key goes along.
            if (fault === "a redirect to another host") assert.equal(end.width, UNSCALED);
            else if (fault !== "longer than it says") assert.equal(end.width, null);
          });
        }
      });

      describe("every event stream: the job polls by itself", () => {
        for (const fault of NAMES) {
          test(fault, async () => {
            const times = fault === "a closed port" ? 1 : Number.POSITIVE_INFINITY;
            const { end, tasks, seen } = await through({
              kind: "events",
              fault,
              times,
              speed: speedOf(fault),
            });
            assert.deepEqual([end.end, tasks], ["resolved", 1], end.message);
            assert.ok(seen.includes("events") || fault === "a closed port");
          });
        }
      });

      describe("a clock that is set", () => {
        for (const call of /** @type {const} */ ([
          "the clock goes back",
          "a ticket of tomorrow",
          "the same call yesterday",
        ])) {
          test(call, async () => {
            const { end, tasks } = await straight({ call });
            assert.deepEqual([end.end, tasks], ["resolved", 1], end.message);
          });
        }
      });

      if (name !== "Chromium") return;

      /** @type {[what: string, kind: Kind, play: (how: Omit<How, "call">) => ReturnType<typeof straight>][]} */
      const asked = [
        ["a createTask straight at the API", "create", (how) => straight({ ...how, call: "create" })],
        ["a createTask to the gateway", "create", through],
        ["a poll", "poll", (how) => straight({ ...how, call: "upscale" })],
        ["an upload", "upload", (how) => straight({ ...how, call: "upload" })],
        ["a result's first bytes", "head", (how) => straight({ ...how, call: "head" })],
        ["an event stream", "events", through],
      ];

      /**
       * Freezes the page while the reply to such a request is on its way, and thaws it after that has come.
       *
       * @param {Kind} kind
       * @param {(page: import("./hosts.mjs").Page) => Promise<unknown>} asleep what happens meanwhile
       * @returns {NonNullable<How["meanwhile"]>}
       */
      const frozen = (kind, asleep) => async (play) => {
        const page = /** @type {import("./hosts.mjs").Page} */ (host.page);
        const times = await page.evaluate("frozen()");
        const { reached, release } = host.faults.hold(kind);
        const end = play();
        await reached;
        await page.setState("frozen");
        assert.equal(await page.evaluate("frozen()"), times + 1, "the page is frozen");
        const { seen } = host.faults.ledger();
        release();
        await asleep(page);
        assert.deepEqual(host.faults.ledger().seen, seen, "it asks nothing while it is");
        await page.setState("active");
        return end;
      };

      describe("a tab that is frozen for five minutes, and thawed", () => {
        for (const [what, kind, play] of asked) {
          test(what, async () => {
            const meanwhile = frozen(kind, (page) => page.evaluate("leap(300_000)"));
            const { end, tasks } = await play({ meanwhile });
            assert.deepEqual([end.end, tasks], ["resolved", kind === "upload" ? 0 : 1], end.message);
          });
        }

        test("a createTask whose reply came while its timeout ended", async () => {
          // Its minute is over before it thaws, and the reply has been there for longer.
          const meanwhile = frozen("create", () => sleep((2 * 60_000) / FASTER));
          const { end, tasks } = await straight({ call: "create", speed: FASTER, meanwhile });
          assert.deepEqual([end.end, tasks], ["resolved", 1], end.message);
        });
      });

      /**
       * Turns the network off before such a request, and on again once it has failed.
       *
       * @param {Kind} kind
       * @returns {NonNullable<How["meanwhile"]>}
       */
      const offline = (kind) => async (play) => {
        const page = /** @type {import("./hosts.mjs").Page} */ (host.page);
        const earlier = EARLIER[kind];
        if (earlier === undefined) {
          await page.setOffline(true);
          const end = play();
          // The first is none of the client's: the runner says that it begins.
          await page.failures(2);
          await page.setOffline(false);
          return end;
        }
        const { reached, release } = host.faults.hold(earlier);
        const end = play();
        await reached;
        await page.setOffline(true);
        release();
        await page.failures(1);
        await page.setOffline(false);
        return end;
      };

      describe("the network goes off and comes back", () => {
        for (const [what, kind, play] of asked) {
          test(what, async () => {
            const { end, tasks } = await play({ meanwhile: offline(kind) });
            // A page is not told that nothing was sent.
            const unknown = what === "a createTask straight at the API";
            const made = unknown || kind === "upload" ? 0 : 1;
            assert.deepEqual([end.end, tasks], [unknown ? "outcome-unknown" : "resolved", made], end.message);
          });
        }
      });
    });
  }
});

/**
 * What nodes say, brought to the replica that leads, whichever that is, and its answer back.
 *
 *   node ─▶ this replica ─ ask { id, what } ─▶ bus ─▶ the leader ─▶ engine
 *                ◀─────────── answer { id } ◀── bus ◀──────┘              leading ─▶ whatever is unanswered is asked again
 *
 * An ask is repeated until it is answered: what was lost on the way is heard then, and the leader knows by the id what it has heard already. When
 * no answer comes in time, nobody knows whether it was heard: it is refused with TRB_COORDINATOR_NO_LEADER, and whoever said it is made to say it again.
 */
import { randomUUID } from "node:crypto";
import { type ErrorCode, type ErrorDetails, errorTable, fail, isTributaryError } from "@tributary/errors";
import type { NodeId } from "@tributary/protocol";
import type { Logger } from "pino";
import { z } from "zod";
import type { RunningFederation } from "../rounds/federation.ts";
import { codedError } from "../transport/answers.ts";
import type { Bus } from "./bus.ts";
import type { Leader } from "./leader.ts";
import { type Ask, isUnheard, parseAsk, type Tell, tellSchema } from "./words.ts";

export interface Relay extends Leader {
  /** This replica leads: from now on it answers, here and for the others. */
  lead(federation: RunningFederation, fence: number): void;
  /** It no longer does. */
  follow(): void;
  close(): void;
}

/** In milliseconds. */
interface RelayTiming {
  /** Until an ask that nobody answered is refused. Longer than it takes another replica to lead when one dies. */
  readonly patience: number;
  readonly askAgainEvery: number;
}

const usualTiming: RelayTiming = { patience: 12_000, askAgainEvery: 3_000 };

export interface RelayParts {
  readonly bus: Bus;
  readonly replica: string;
  /** Nodes of the roster, as far as this replica knows. */
  readonly rosterSize: () => number;
  /** The version of the protocol that a node which is connected here speaks; undefined: it has gone. */
  readonly versionOf: (node: NodeId) => string | undefined;
  /** The leader may not have heard that this node is here. */
  readonly unheard: (node: NodeId) => void;
  /** The leader is told, before the engine is, where nodes are. */
  readonly arrived: (node: NodeId, at: string, version: string) => void;
  readonly left: (node: NodeId, at: string) => void;
  /** While this replica led, another one said that it does. */
  readonly deposed: () => void;
  readonly log: Logger;
  readonly timing?: Partial<RelayTiming>;
}

const envelope = z.object({ id: z.string(), what: z.unknown() });
const leadingSchema = z.object({ fence: z.int() });
const answerSchema = z.object({
  id: z.string(),
  /** Of who answers: a leader of old may not know it yet, and refuse what the present one wouldn't. */
  fence: z.int(),
  refusal: z
    .object({
      code: z.string(),
      details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
    })
    .optional(),
});
type Answer = z.infer<typeof answerSchema>;

interface Pending {
  readonly what: Ask;
  readonly settle: (answer: Answer) => void;
}

/** How long answers are kept, in case they are asked for again; in milliseconds. */
const remembered = 60_000;

export function openRelay(parts: RelayParts): Relay {
  const { bus, replica, log } = parts;
  const { patience, askAgainEvery } = { ...usualTiming, ...parts.timing };
  const pending = new Map<string, Pending>();
  /** Of asks that reached this replica while it led. */
  const given = new Map<string, { readonly answer: Promise<Answer>; readonly at: number }>();
  let federation: RunningFederation | undefined;
  let ownFence = 0;
  /** The newest leadership that this replica knows of. */
  let newest = 0;
  let closed = false;

  function ask(what: Ask): Promise<void> {
    if (closed) return Promise.reject(fail("TRB_COORDINATOR_STOPPING"));
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(impatience);
        clearInterval(again);
        pending.delete(id);
      };
      const settle = ({ refusal, fence }: Answer) => {
        if (fence < newest && !closed) return;
        if (refusal === undefined) resolve();
        else {
          const error = fail(codeOf(refusal.code), refusal.details);
          if (isUnheard(error) && !closed) return; // the next leader is asked as soon as there is one
          reject(error);
        }
        end();
      };
      const impatience = setTimeout(() => {
        end();
        reject(fail("TRB_COORDINATOR_NO_LEADER"));
      }, patience);
      const again = setInterval(() => put(id, what), askAgainEvery);
      pending.set(id, { what, settle });
      put(id, what);
    });
  }

  function put(id: string, what: Ask): void {
    if (federation === undefined) bus.emit("ask", { id, what });
    else void answerTo(id, () => what, replica).then((answer) => pending.get(id)?.settle(answer));
  }

  function answerTo(id: string, what: () => Ask, from: string): Promise<Answer> {
    const known = given.get(id);
    if (known !== undefined) return known.answer;
    for (const [oldest, { at }] of given) {
      if (performance.now() - at < remembered) break;
      given.delete(oldest);
    }
    const answer = carryOut(what, from).then(
      (): Answer => ({ id, fence: ownFence }),
      (error: unknown): Answer => ({ id, fence: ownFence, refusal: refusalOf(error) }),
    );
    given.set(id, { answer, at: performance.now() });
    return answer;
  }

  async function carryOut(ask: () => Ask, from: string): Promise<void> {
    const what = ask();
    if (federation === undefined) throw fail("TRB_COORDINATOR_NO_LEADER");
    switch (what.kind) {
      case "message":
        return federation.message(what.message);
      case "checkUpload":
        return federation.checkUpload(what.message);
      case "uploaded":
        return federation.uploaded(what.message);
      case "erased":
        return federation.erased(what.note);
      case "connected":
        parts.arrived(what.node, from, what.version);
        return federation.connected(what.node);
    }
  }

  function tell(what: Tell): void {
    if (federation === undefined) bus.emit("tell", what);
    else takeIn(what, replica);
  }

  function takeIn(what: Tell, from: string): void {
    switch (what.kind) {
      case "refused":
        federation?.refused(what.node, what, what.code);
        return;
      case "disconnected":
        parts.left(what.node, from);
        federation?.disconnected(what.node);
        return;
    }
  }

  function refusalOf(error: unknown): NonNullable<Answer["refusal"]> {
    const { code, details } = codedError(error, log);
    return { code, details: plain(details) };
  }

  bus.on("ask", (body, from) => {
    if (federation === undefined) return;
    const { id, what } = envelope.parse(body);
    void answerTo(id, () => parseAsk(what, parts.rosterSize()), from).then((answer) => bus.emit("answer", answer));
  });
  bus.on("answer", (body) => {
    const answer = answerSchema.parse(body);
    pending.get(answer.id)?.settle(answer);
  });
  bus.on("tell", (body, from) => {
    if (federation !== undefined) takeIn(tellSchema.parse(body), from);
  });
  bus.on("leading", (body) => {
    const { fence } = leadingSchema.parse(body);
    if (fence < newest) return;
    newest = fence;
    if (federation !== undefined) parts.deposed();
    askAgain();
  });

  function askAgain(): void {
    for (const [id, { what }] of pending) put(id, what);
  }

  return {
    message: (message) => ask({ kind: "message", message }),
    checkUpload: (message) => ask({ kind: "checkUpload", message }),
    uploaded: (message) => ask({ kind: "uploaded", message }),
    erased: (note) => ask({ kind: "erased", note }),
    refused: (node, { step, round }, code) => tell({ kind: "refused", node, step, round, code }),
    connected(node) {
      const version = parts.versionOf(node);
      if (version === undefined) return;
      ask({ kind: "connected", node, version }).catch((error: unknown) => {
        if (isTributaryError(error)) log.info({ node, code: error.code }, "the leader may not know that a node is here");
        parts.unheard(node);
      });
    },
    disconnected: (node) => tell({ kind: "disconnected", node }),
    rosterSize: () => federation?.rosterSize() ?? parts.rosterSize(),
    lead(running, fence) {
      federation = running;
      [ownFence, newest] = [fence, Math.max(newest, fence)];
      given.clear(); // another leader may have heard the rest
      bus.emit("leading", { fence });
      askAgain();
    },
    follow() {
      federation = undefined;
      askAgain();
    },
    close() {
      closed = true;
      for (const [id, { settle }] of [...pending])
        settle({ id, fence: newest, refusal: { code: "TRB_COORDINATOR_STOPPING", details: {} } });
    },
  };
}

function codeOf(code: string): ErrorCode {
  return Object.hasOwn(errorTable, code) ? (code as ErrorCode) : "TRB_COORDINATOR_REQUEST_INVALID";
}

/** JSON has no big integers. */
function plain(details: ErrorDetails): Record<string, string | number | boolean | string[]> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => {
      if (typeof value === "bigint") return [name, String(value)];
      return [name, typeof value === "object" ? [...value] : value];
    }),
  );
}

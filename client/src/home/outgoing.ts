/**
 * outgoing.jsonl: what has left this node, a line a message, so that its merchant can look: when, which word of the protocol, which round, how many bytes, and
 * their SHA-256. Not what was in it: masked vectors and shares are erased as the protocol says, and a hash brings nothing back.
 *
 * A line is written before the message goes. It is not synced: the diary is the merchant's, no promise rests on it, and a round waits for no disk because of it.
 * Only the process that holds the home's lock writes.
 */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { type Sha256, sha256Hex } from "@tributary/protocol";
import { z } from "zod";
import { reasonOf } from "../reason.ts";
import { replaceFileNow } from "./durable.ts";
import type { Layout } from "./layout.ts";

const noteSchema = z.strictObject({
  /** ISO 8601. */
  at: z.iso.datetime(),
  /** A step of a round (`StepName`), `vector` for the masked vector itself, or what is said beside rounds. */
  kind: z.string().max(40),
  /** Null outside of rounds. */
  round: z.int().min(1).nullable(),
  /** Of a vector its octets, of anything else its JSON text in UTF-8. */
  bytes: z.int().min(0),
  /** Of exactly these bytes. */
  sha256: sha256Hex,
});
export type OutgoingNote = z.infer<typeof noteSchema>;

export interface Said {
  readonly kind: string;
  readonly round: number | null;
  readonly content: Uint8Array | string;
  /** Where it is known already. */
  readonly sha256?: Sha256;
}

export interface Outgoing {
  /** @throws TRB_NODE_HOME_UNWRITABLE */
  note(said: Said): void;
}

/** Lines that stay when the file is cut, and lines at which it is. */
const [kept, most] = [500, 1000];

/** @throws TRB_NODE_HOME_UNREADABLE */
export function openOutgoing(layout: Layout): Outgoing {
  let lines = readOutgoing(layout).length;
  let begin = endsWhole(layout) ? "" : "\n";
  return {
    note({ kind, round, content, sha256 }) {
      const bytes = typeof content === "string" ? Buffer.byteLength(content, "utf8") : content.length;
      const hash = sha256 ?? createHash("sha256").update(content).digest("hex");
      const line = `${JSON.stringify({ at: new Date().toISOString(), kind, round, bytes, sha256: hash })}\n`;
      if (lines >= most) {
        const last = readOutgoing(layout).slice(-kept);
        replaceFileNow(layout.outgoing, last.map((one) => `${JSON.stringify(one)}\n`).join(""));
        lines = last.length;
        begin = "";
      }
      try {
        appendFileSync(layout.outgoing, `${begin}${line}`, { mode: 0o600 });
      } catch (cause) {
        throw fail("TRB_NODE_HOME_UNWRITABLE", { file: layout.outgoing, reason: reasonOf(cause) }, cause);
      }
      begin = "";
      lines += 1;
    },
  };
}

/** Whether the last line is whole: the next one must not become a part of it. */
const endsWhole = ({ outgoing }: Layout) => !existsSync(outgoing) || /(^|\n)$/.test(readFileSync(outgoing, "utf8"));

/**
 * The oldest first. A line that a crash cut short is none.
 * @throws TRB_NODE_HOME_UNREADABLE
 */
export function readOutgoing(layout: Layout): readonly OutgoingNote[] {
  if (!existsSync(layout.outgoing)) return [];
  let text: string;
  try {
    text = readFileSync(layout.outgoing, "utf8");
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.outgoing, reason: reasonOf(cause) }, cause);
  }
  return text.split("\n").flatMap((line) => {
    const note = noteSchema.safeParse(jsonOf(line));
    return note.success ? [note.data] : [];
  });
}

/** Undefined for what is no JSON. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

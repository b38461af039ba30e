/**
 * ledger.jsonl: the node's own copy, holding only entries that its reducer verified. It only grows, each line synced before the
 * node goes on; a line that a crash left half written was never relied on, and is cut off.
 */
import { existsSync, readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { reasonOf } from "../reason.ts";
import { continues, headOf, type LedgerCopy } from "../running/ledger-chain.ts";
import { appendNow } from "./durable.ts";
import type { Layout } from "./layout.ts";

/** @throws TRB_NODE_HOME_UNREADABLE */
export function openLedgerCopy(layout: Layout): LedgerCopy {
  const crypto = nodeCrypto();
  const lines: string[] = [];
  let length = 0;
  if (existsSync(layout.ledger)) {
    let text: string;
    try {
      text = readFileSync(layout.ledger, "utf8");
    } catch (cause) {
      throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.ledger, reason: reasonOf(cause) }, cause);
    }
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    lines.push(...whole.split("\n").slice(0, -1));
    length = Buffer.byteLength(whole, "utf8");
  }
  return {
    lines: () => lines,
    head: () => headOf(crypto, lines),
    append(index, line) {
      if (!continues(crypto, lines, index, line)) return;
      appendNow(layout.ledger, `${line}\n`, length);
      lines.push(line);
      length += Buffer.byteLength(line, "utf8") + 1;
    },
  };
}

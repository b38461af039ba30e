/**
 * value.json: the figures of the value report that was made last, for whoever wants to look at them without making it again. Exact figures of this merchant's
 * customers together, mode 600; single customers' timelines are not among them.
 */
import { existsSync, readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { type KeptValue, keptValue } from "@tributary/protocol";
import { replaceFileNow } from "../home/durable.ts";
import type { Layout } from "../home/layout.ts";
import { reasonOf } from "../reason.ts";
import type { ValueReport } from "./value-report.ts";

const order = ["floor", "popularity", "localStatistics", "local", "federated", "joined", "personalised"] as const;

/** @throws TRB_NODE_HOME_UNWRITABLE */
export function keepValue(layout: Layout, report: ValueReport, now = new Date()): void {
  const { federation, model, heldOut, repeats, items, personalisation, epsilon, verdict } = report;
  const kept: KeptValue = {
    ...{ version: 1, madeAt: now.toISOString(), federation, model, repeats, items, epsilon },
    heldOut: { ...heldOut, by: [...heldOut.by] },
    personalisation: { state: personalisation.state, sentence: personalisation.sentence },
    blocks: order.flatMap((name) => {
      const block = report[name];
      return block === undefined ? [] : [{ name, block: plain(block) }];
    }),
    verdict: plain(verdict),
  };
  replaceFileNow(layout.value, `${JSON.stringify(kept)}\n`);
}

/** Undefined where none was made. @throws TRB_NODE_HOME_UNREADABLE */
export function readKeptValue(layout: Layout): KeptValue | undefined {
  if (!existsSync(layout.value)) return undefined;
  try {
    return keptValue.parse(JSON.parse(readFileSync(layout.value, "utf8")));
  } catch (cause) {
    const reason =
      cause instanceof SyntaxError || !(cause instanceof Error && "code" in cause) ? "it is no value report" : reasonOf(cause);
    throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.value, reason }, cause);
  }
}

type Plain<T> = T extends readonly [infer A, infer B]
  ? [Plain<A>, Plain<B>]
  : T extends object
    ? { -readonly [Key in keyof T]: Plain<T[Key]> }
    : T;

/** The same value, as what JSON makes of it. */
const plain = <T>(value: T): Plain<T> => structuredClone(value) as Plain<T>;

/** Where a home stands, as its page shows it first. Reads beside a running node, takes no lock, and decrypts nothing: it is asked every few seconds. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { isTributaryError } from "@tributary/errors";
import { decodeNodeState } from "@tributary/federation";
import { parseLine } from "@tributary/ledger";
import { fingerprintOf, type PageOverview, problemOf } from "@tributary/protocol";
import { spendingOf } from "../budget.ts";
import { hasHistories, storeGeneration } from "../home/histories.ts";
import { type Layout, layoutOf } from "../home/layout.ts";
import { openLedgerCopy } from "../home/ledger-copy.ts";
import { isHomeLocked } from "../home/lock.ts";
import { type Home, openHome } from "../home/open.ts";
import { type LatestRelease, servedRelease } from "../serving/releases.ts";
import type { Reach } from "./reach.ts";

/** What is known of a home's copy of the ledger, read again when the file has changed. */
interface LedgerFacts {
  readonly entries: number;
  readonly rounds: number;
  readonly closed: boolean;
  readonly release: LatestRelease | undefined;
}

export type LedgerReader = (home: Pick<Home, "layout" | "plan">) => LedgerFacts;

/** @throws TRB_NODE_HOME_UNREADABLE, from what it returns */
export function ledgerReader(): LedgerReader {
  let known: { readonly stamp: string; readonly facts: LedgerFacts } | undefined;
  return ({ layout, plan }) => {
    const file = statSync(layout.ledger, { throwIfNoEntry: false });
    const stamp = `${file?.size ?? 0} ${file?.mtimeMs ?? 0} ${file?.ino ?? 0}`;
    if (known?.stamp !== stamp) {
      const entries = openLedgerCopy(layout).lines().map(parseLine);
      const facts = {
        entries: entries.length,
        rounds: entries.filter(({ kind }) => kind === "round").length,
        closed: entries.at(-1)?.kind === "closing",
        release: servedRelease(plan, entries),
      };
      known = { stamp, facts };
    }
    return known.facts;
  };
}

export interface OverviewTools {
  readonly began: string;
  readonly ledgerOf: LedgerReader;
  readonly reach: Reach;
}

export function overviewOf(folder: string, { began, ledgerOf, reach }: OverviewTools): PageOverview {
  const layout = layoutOf(folder);
  const nothing: PageOverview = {
    ...{ home: layout.home, began, member: null, problem: null, running: false, round: null },
    coordinator: { state: "asking", askedAt: null, behind: null, problem: null },
    ledger: { entries: 0, rounds: 0, closed: false },
    store: { state: "none", problem: null },
    ...{ model: null, spendingStamp: "", storeStamp: null },
  };
  let home: Home;
  try {
    home = openHome(folder);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    return { ...nothing, problem: problemOf(error) };
  }
  try {
    const { membership, identity, crypto, plan } = home;
    const { release, ...ledger } = ledgerOf(home);
    const known = reach.known({ url: membership.url, entries: ledger.entries, channel: membership });
    return {
      ...nothing,
      member: {
        ...{ federation: membership.federation, node: membership.node, coordinator: membership.url },
        fingerprint: fingerprintOf(crypto, identity.key),
        coordinatorFingerprint: fingerprintOf(crypto, membership.coordinatorKey),
        ...{ planHash: membership.planHash, unit: plan.unit },
      },
      running: isHomeLocked(layout),
      round: roundOf(home),
      coordinator: known,
      ledger,
      ...storeOf(layout),
      model: release === undefined ? null : { hash: release.hash, round: release.round },
      spendingStamp: spendingStamp(home),
    };
  } finally {
    home.database.close();
  }
}

/** Of what rounds/ holds only which round it is, and how far: the rest are its secrets. */
function roundOf({ layout, plan }: Home): PageOverview["round"] {
  if (!existsSync(layout.state)) return null;
  const { round } = decodeNodeState(readFileSync(layout.state, "utf8"));
  if (round === null) return null;
  const { number, phase, release, offeredAt } = round;
  return { number, phase, kind: plan.releases[release]?.kind ?? null, offeredAt };
}

function storeOf(layout: Layout): Pick<PageOverview, "store" | "storeStamp"> {
  try {
    const state = hasHistories(layout) ? "some" : "none";
    return { store: { state, problem: null }, storeStamp: storeGeneration(layout) ?? null };
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    return { store: { state: "unreadable", problem: problemOf(error) }, storeStamp: null };
  }
}

/** Of charges, and of policy.json. */
function spendingStamp(home: Home): string {
  const charges = spendingOf(home).charges.map(({ round, standing }) => `${round}${standing}`);
  const policy = existsSync(home.layout.policy) ? readFileSync(home.layout.policy, "utf8") : "";
  return createHash("sha256").update(charges.join(" ")).update("\n").update(policy).digest("hex").slice(0, 16);
}

/**
 * Customers whom this node holds out of the rounds, so that there are events to judge by that no released sum has seen: the node's own choice, told to nobody.
 *
 *   u(customer) = first 48 bits of HMAC-SHA-256(secret, customer) / 2⁴⁸        held out: u < share
 *
 * Who is held out depends on the customer and a secret of this node alone, so removing a customer changes nobody else's place, and Δ stays what it is; a
 * customer who is held out is in no training sum and in no statistics, and spends nothing there. The same u deals all others to what in-house work needs apart.
 *
 * holdout.json (mode 600) keeps secret, share, and since when: shares that are raised after a round name customers whom that round may have learnt from.
 */
import { createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { type Histories, sliceHistories } from "@tributary/events";
import { decodeNodeState, heldOutRule } from "@tributary/federation";
import { parseLine } from "@tributary/ledger";
import { z } from "zod";
import { allCharges } from "../budget.ts";
import { replaceFileNow } from "../home/durable.ts";
import type { Layout } from "../home/layout.ts";
import { openLedgerCopy } from "../home/ledger-copy.ts";
import { lockHome } from "../home/lock.ts";
import { type Home, withHome } from "../home/open.ts";
import { withStore } from "../home/store/opening.ts";
import { reasonOf } from "../reason.ts";

const mostShare = 0.5;

const holdoutSchema = z.strictObject({
  version: z.literal(1),
  share: z.number().min(0).max(mostShare),
  secret: z.string().regex(/^[0-9a-f]{64}$/),
  /** Rounds that learnt, as charged when the share was set, and how many keys customers' names had passed by then (`home/store/door.ts`). */
  charged: z.int().min(0),
  doors: z.int().min(0),
  /** Customers got other names after rounds of a plan that holds customers out by name: whom it holds out now, they may have learnt from. */
  renamed: z.boolean().default(false),
});
type Holdout = z.infer<typeof holdoutSchema>;

export interface HoldoutStatus {
  readonly share: number;
  /** True: no round of this node can have learnt from who is held out now. */
  readonly clean: boolean;
  /** Why it isn't. */
  readonly reason: "nobody" | "rounds" | "rotation" | null;
}

/** @throws TRB_VALUE_HOLDOUT_UNREADABLE */
function readHoldout(layout: Layout): Holdout | undefined {
  if (!existsSync(layout.holdout)) return undefined;
  try {
    return holdoutSchema.parse(JSON.parse(readFileSync(layout.holdout, "utf8")));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? "it is not what this command writes" : reasonOf(cause);
    throw fail("TRB_VALUE_HOLDOUT_UNREADABLE", { reason }, cause);
  }
}

/** Made with nobody held out where there is none: in-house splits take its secret. */
function openHoldout(home: Pick<Home, "layout" | "database" | "plan">): Holdout {
  const known = readHoldout(home.layout);
  if (known !== undefined) return known;
  const made: Holdout = { version: 1, share: 0, secret: randomBytes(32).toString("hex"), renamed: false, ...since(home) };
  replaceFileNow(home.layout.holdout, `${JSON.stringify(made)}\n`);
  return made;
}

function since({ layout, database, plan }: Pick<Home, "layout" | "database" | "plan">): Pick<Holdout, "charged" | "doors"> {
  const learns = (release: number) => {
    const kind = plan.releases[release]?.kind;
    return kind !== "metrics" && kind !== "query";
  };
  const charges = database.charges().filter(({ standing, release }) => standing !== "refunded" && learns(release));
  return { charged: charges.length, doors: withStore(layout, ({ manifest }) => manifest.door.length) ?? 1 };
}

/**
 * Sets who is held out from the next start on; without a share it only tells.
 * @throws TRB_VALUE_HOLDOUT_INVALID, TRB_VALUE_HOLDOUT_UNREADABLE, TRB_NODE_HOME_BUSY while the node runs, TRB_NODE_NOT_JOINED
 */
export function holdOut(options: { readonly home: string; readonly share?: number }): Promise<HoldoutStatus> {
  const { share } = options;
  if (share !== undefined && !(share >= 0 && share <= mostShare)) throw fail("TRB_VALUE_HOLDOUT_INVALID", { share });
  return withHome(options.home, (home) => {
    if (share === undefined) return holdoutStatus(home);
    const lock = lockHome(home.layout);
    try {
      const known = openHoldout(home);
      // whoever is held out at a share is so at every larger one: lowering it names nobody new
      const wider = share > known.share ? since(home) : {};
      replaceFileNow(home.layout.holdout, `${JSON.stringify({ ...known, ...wider, share })}\n`);
      return holdoutStatus(home);
    } finally {
      lock.release();
    }
  });
}

function holdoutStatus(home: Pick<Home, "layout" | "database" | "plan">): HoldoutStatus {
  const holdout = readHoldout(home.layout);
  if (holdout === undefined || holdout.share === 0) return { share: 0, clean: false, reason: "nobody" };
  const { share, charged, doors } = holdout;
  const renamed = since(home).doors !== doors;
  const reason = renamed ? "rotation" : charged > 0 ? "rounds" : null;
  return { share, clean: reason === null, reason };
}

/**
 * Before customers get other pseudonyms: both the plan and the node hold customers out by name, so other names would have the node judged by customers whom
 * rounds have learnt from, and rounds learn from those whom it was judged by. Once the ledger is closed nothing is learnt any more, and what was learnt is remembered.
 *
 * @returns what is released when all names are changed: no round begins meanwhile
 * @throws TRB_VALUE_HELD_OUT_BY_NAME, TRB_NODE_HOME_BUSY while the node runs, TRB_VALUE_HOLDOUT_UNREADABLE
 */
export function permitRenaming(home: Home): { readonly release: () => void } {
  const { layout, plan } = home;
  const byNode = (readHoldout(layout)?.share ?? 0) > 0;
  if (plan.metrics === undefined && !byNode) return { release: () => {} };
  const lock = lockHome(layout); // who trains goes by the names that it has read
  try {
    const learnt = hasBegun(home);
    if (learnt && !isLedgerClosed(layout)) throw fail("TRB_VALUE_HELD_OUT_BY_NAME");
    if (learnt && plan.metrics !== undefined)
      replaceFileNow(layout.holdout, `${JSON.stringify({ ...openHoldout(home), renamed: true })}\n`);
    return lock;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Whether a round may have learnt from anybody, or is about to: a vector that is trained is uploaded after a restart. */
function hasBegun(home: Home): boolean {
  if (allCharges(home).some(({ standing }) => standing !== "refunded")) return true;
  return existsSync(home.layout.state) && decodeNodeState(readFileSync(home.layout.state, "utf8")).round !== null;
}

const isLedgerClosed = (layout: Layout): boolean => {
  const last = openLedgerCopy(layout).lines().at(-1);
  return last !== undefined && parseLine(last).kind === "closing";
};

function place({ secret }: Holdout): (customer: string) => number {
  const key = Buffer.from(secret, "hex");
  return (customer) => createHmac("sha256", key).update(customer).digest().readUIntBE(0, 6) / 2 ** 48;
}

/**
 * Whether no round has learnt from a customer, as far as the plan or this node holds customers out; undefined where nobody is sure to be.
 * @throws TRB_VALUE_HOLDOUT_UNREADABLE
 */
export function unlearntRule(home: Home): ((customer: string) => boolean) | undefined {
  const holdout = readHoldout(home.layout);
  const byPlan = holdout?.renamed === true ? undefined : heldOutRule(home.crypto, home.plan);
  if (holdout === undefined || !holdoutStatus(home).clean) return byPlan;
  const u = place(holdout);
  return (customer) => u(customer) < holdout.share || byPlan?.(customer) === true;
}

/** Whom rounds may learn from: those whom the plan lets, without those whom the node holds out. @throws TRB_VALUE_HOLDOUT_UNREADABLE */
export function withoutHeldOut(layout: Layout, learnt: Histories): Histories {
  const holdout = readHoldout(layout);
  if (holdout === undefined || holdout.share === 0) return learnt;
  const u = place(holdout);
  return sliceHistories(
    learnt,
    placesOf(learnt, (customer) => u(customer) >= holdout.share),
  );
}

/** Places of the customers who are among those asked for, ascending. */
export function placesOf({ customers }: Histories, isAmong: (customer: string) => boolean): readonly number[] {
  return customers.flatMap((customer, at) => (isAmong(customer) ? [at] : []));
}

/** What a customer is for, in this house. `judged` is never trained or tuned on in-house, by whoever asks these questions. */
export type InHousePart = "judged" | "test" | "validation" | "training";

export interface InHouseSplit {
  readonly partOf: (customer: string) => InHousePart;
  /** Whether no released sum has seen the judged customers. */
  readonly clean: boolean;
  readonly heldOutBy: readonly ("plan" | "node")[];
  /** Share of u that is judged; what was made with another has perhaps been trained on them. */
  readonly reserved: number;
}

/** Judged where nobody is held out of rounds, so that at least in-house work has not seen them. */
const leastJudged = 0.2;
const [testShare, validationShare] = [0.25, 0.15];

/**
 * Judged are those whom the plan holds out (its metrics are of them; not once they were renamed) and those whom the node holds out, as far as no round has learnt from them; where there
 * are none, a fifth of all, and then `clean` is false. A quarter of the others decide whether a personalised model is kept, and 15 % when training stops.
 * @throws TRB_VALUE_HOLDOUT_UNREADABLE
 */
export function inHouseSplit(home: Home): InHouseSplit {
  const u = place(openHoldout(home));
  const { share, clean } = holdoutStatus(home);
  const renamed = readHoldout(home.layout)?.renamed === true;
  const byPlan = renamed ? undefined : heldOutRule(home.crypto, home.plan);
  const isClean = clean || byPlan !== undefined;
  const reserved = clean ? share : isClean ? 0 : Math.max(share, leastJudged);
  return {
    partOf(customer) {
      const at = u(customer);
      if (at < reserved || byPlan?.(customer) === true) return "judged";
      const rest = (at - reserved) / (1 - reserved);
      if (rest < testShare) return "test";
      return rest < testShare + validationShare ? "validation" : "training";
    },
    ...{ clean: isClean, reserved },
    heldOutBy: [...(byPlan === undefined ? [] : (["plan"] as const)), ...(clean ? (["node"] as const) : [])],
  };
}

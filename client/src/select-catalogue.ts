/**
 * `tributary node catalogue`: a merchant without a public list of what it sells buys one. The items that enough customers have are named with a probability that (ε, δ)
 * allows (`selectPartitions` of `dp`, exact), by this node alone with all the noise its own: masked sums of many nodes have no unknown keys.
 *
 * It comes before joining, because the plan that is joined is bound to the catalogue. The charge is on disk before an item is drawn; what was charged and
 * came to nothing stays charged. Which items there were and were not named nobody is told.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { partitionChances, selectPartitions } from "@tributary/dp";
import { fail } from "@tributary/errors";
import {
  type CatalogueItem,
  catalogueBytes,
  type ItemNaming,
  makeCatalogue,
  readCatalogue,
  sharedIdOf,
} from "@tributary/events";
import type { ItemSurveyOptions, LogSource } from "@tributary/events/ingest";
import { type CataloguePart, type Decimal, declarePart, parseDecimal, sha256Hex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { budgetOf } from "./budget.ts";
import { type NodeDatabase, openDatabase } from "./home/database.ts";
import { openIdentity } from "./home/keys.ts";
import { type Layout, layoutOf, makeFolders } from "./home/layout.ts";
import { readMembership } from "./home/membership.ts";
import { openHome } from "./home/open.ts";
import { readPolicy } from "./home/policy.ts";
import { osRandomSource } from "./random.ts";
import { selectionsOf } from "./selected-parts.ts";

export interface SelectCatalogueOptions extends Partial<Omit<ItemSurveyOptions, "sources">> {
  readonly home: string;
  readonly files: readonly string[];
  /** Read behind the files. */
  readonly query?: Exclude<LogSource, string> | undefined;
  /** Decimal strings. */
  readonly epsilon: string;
  readonly delta: string;
  /** Most items of one customer that count. */
  readonly maxItems: number;
  /** What the merchant calls itself. */
  readonly name: string;
  readonly naming?: ItemNaming | undefined;
  /** A public catalogue (JSONL) that says more of the items, wherever it has them; that it does so is not derived from behaviour. */
  readonly describedBy?: string | undefined;
}

export interface SelectedCatalogue {
  readonly declaration: CataloguePart;
  /** The part's canonical bytes. */
  readonly bytes: Uint8Array;
  /** Selected items of which the public file says something. */
  readonly described: number;
  /** So many customers make it as likely as not that an item is named. Follows from ε, δ and the most items of a customer alone. */
  readonly evenFrom: number;
}

/**
 * @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_PARAMETER_INVALID, TRB_POLICY_SELECTION_ABOVE_LIMIT before anything is charged;
 *   TRB_NODE_NOTHING_SELECTED after it; TRB_NODE_HOME_UNREADABLE, TRB_NODE_HOME_UNWRITABLE, and what reading a log or a catalogue throws
 */
export async function selectCatalogue(options: SelectCatalogueOptions): Promise<SelectedCatalogue> {
  const { home, files, query, epsilon, delta, maxItems, name, naming = {}, describedBy, ...reading } = options;
  const asked = { epsilon, delta, maxPartitions: maxItems };
  const chances = partitionChances(asked); // refuses what makes no sense; the last is 1
  const evenFrom = chances.findIndex((chance) => 2n * chance >= (chances.at(-1) ?? 0n));
  const layout = layoutOf(home);
  makeFolders(layout);
  const described = describedBy === undefined ? undefined : await readCatalogue(describedBy);
  const { customersOfItems } = await import("@tributary/events/ingest");
  const counts = await customersOfItems({
    ...{ now: Date.now() / 1000, ...reading, maxItems },
    sources: query === undefined ? files : [...files, query],
    nameOf: (sku) => sharedIdOf(sku, naming),
  });
  const database = openDatabase(layout);
  try {
    requireWithinLimit(layout, database, Number(epsilon));
    const cost = { epsilon: epsilon as Decimal, delta: delta as Decimal, maxItems };
    const charge = database.chargeSelection({ ...cost, chargedAt: new Date().toISOString() });
    const { keys } = selectPartitions(counts, asked, osRandomSource());
    if (keys.length === 0) throw fail("TRB_NODE_NOTHING_SELECTED", { epsilon, delta, evenFrom });
    const known = (id: string): CatalogueItem | undefined => {
      const number = described?.numbers.get(id);
      return number === undefined ? undefined : described?.items[number - 1];
    };
    const bytes = catalogueBytes(makeCatalogue(keys.map((id) => known(id) ?? { id })));
    const part = sha256Hex.parse(createHash("sha256").update(bytes).digest("hex"));
    database.nameSelection(charge, part);
    const facts = { name, part, items: keys.length, provenance: "dp-selection", selection: cost } as const;
    const declaration = declarePart(openIdentity(layout, nodeCrypto()), facts);
    return { declaration, bytes, described: keys.filter((id) => known(id) !== undefined).length, evenFrom };
  } finally {
    database.close();
  }
}

/** A home that has joined has a limit; before that the merchant's own ε is all there is. */
function requireWithinLimit(layout: Layout, database: NodeDatabase, epsilon: number): void {
  const before = database.selections().reduce((sum, one) => sum + parseDecimal(one.epsilon), 0);
  if (!existsSync(layout.policy)) return;
  const limit = readPolicy(layout).maxEpsilon;
  const spent = readMembership(database) === undefined ? before : joinedSpent(layout);
  if (spent + epsilon > limit) throw fail("TRB_POLICY_SELECTION_ABOVE_LIMIT", { spent, epsilon, limit });
}

function joinedSpent(layout: Layout): number {
  const home = openHome(layout.home);
  try {
    const beside = selectionsOf(home).filter(({ inPlan }) => !inPlan);
    return budgetOf(home).spent + beside.reduce((sum, one) => sum + one.epsilon, 0);
  } finally {
    home.database.close();
  }
}

/** A small federation on disk, ready to be started: a made-up market, a plan with short deadlines, homes that have joined. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { changePolicy, importEvents, joinFederation, pseudonymised, trustPeers } from "@tributary/client";
import { coordinatorIdentity, createInvite } from "@tributary/coordinator";
import { type Catalogue, splitCustomers, writeCatalogue, writeCsv } from "@tributary/events";
import { type Plan, parsePlan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import {
  choosePlan,
  type MerchantPart,
  merchantParts,
  type PlannedNumbers,
  type PlanRequest,
  planDocument,
  type StatisticsWishes,
  syntheticMarket,
} from "@tributary/simulate";

export interface SmallFederation {
  readonly plan: Plan;
  readonly catalogue: Catalogue;
  readonly parts: readonly MerchantPart[];
  readonly platform: string;
  readonly planFile: string;
  readonly catalogueFile: string;
  home(node: string): string;
}

export interface SmallOptions {
  readonly merchants: number;
  readonly rounds: number;
  readonly customers?: number;
  readonly items?: number;
  readonly deadlines?: Partial<Plan["deadlines"]>;
  /** Statistics before the training rounds; a part of the budget is left for those. */
  readonly statistics?: StatisticsWishes;
  /** Who plans; the planner alone unless given. */
  readonly choose?: (request: PlanRequest) => PlannedNumbers;
}

/** Long enough for processes that share two cores, short enough for a test. */
const deadlines: Plan["deadlines"] = {
  keys: 4000,
  shares: 4000,
  uploadOffset: 700,
  masked: 5000,
  consistency: 4000,
  unmask: 4000,
  grace: 20_000,
};

export async function smallFederation(folder: string, options: SmallOptions): Promise<SmallFederation> {
  const { merchants, rounds, customers = 40 * merchants, items = 50 } = options;
  const { catalogue, histories } = syntheticMarket({ seed: 7, customers, items });
  const platform = `${folder}/platform`;
  const crypto = nodeCrypto();
  const { statistics } = options;
  const { choose = (request) => choosePlan(request).plan } = options;
  const numbers = choose({
    ...{ catalogueItems: items, customers, merchants, epsilon: 8, delta: 1e-6, rounds },
    ...(statistics === undefined ? {} : { statistics }),
  });
  const { key: coordinatorKey } = coordinatorIdentity(platform);
  const drawn = planDocument(crypto, numbers, {
    federation: "small",
    coordinatorKey,
    catalogue,
    catalogueProvenance: "public",
  });
  const plan = parsePlan({ ...drawn, deadlines: { ...deadlines, ...options.deadlines } });
  const parts = merchantParts(splitCustomers(histories, merchants, 7));
  mkdirSync(`${folder}/logs`, { recursive: true });
  const catalogueFile = `${folder}/catalogue.jsonl`;
  const planFile = `${folder}/plan.json`;
  writeFileSync(planFile, JSON.stringify(plan));
  await writeCatalogue(catalogueFile, catalogue);
  for (const part of parts) await writeCsv(`${folder}/logs/${part.node}.csv`, part.train, catalogue);
  return { plan, catalogue, parts, platform, planFile, catalogueFile, home: (node) => `${folder}/${node}` };
}

/** Every merchant joins the coordinator at `url`, or at the one of its own, trusts every other, and imports its log. */
export async function joinAll(
  federation: SmallFederation,
  folder: string,
  url: string | ((node: string) => string),
  policy: { readonly maxEpsilon?: number; readonly acceptLogCatalogue?: boolean } = {},
  databaseUrl?: string,
  channel: { readonly ca?: string } = {},
): Promise<void> {
  const fingerprints: string[] = [];
  for (const { node } of federation.parts) {
    const at = typeof url === "string" ? url : url(node);
    const { invite } = await createInvite({ home: federation.platform, databaseUrl }, { node, url: at, hours: 1 });
    const joined = await joinFederation({ invite, home: federation.home(node), ...channel });
    fingerprints.push(joined.fingerprint);
  }
  for (const { node } of federation.parts) {
    const home = federation.home(node);
    await trustPeers({ home, fingerprints });
    if (Object.keys(policy).length > 0) await changePolicy({ home, ...policy });
    await importEvents({
      home,
      files: [`${folder}/logs/${node}.csv`],
      columns: { customer: "customer", item: "item", action: "action", time: "time" },
    });
  }
}

/** What the nodes learn from, as their stores hold it: a simulation that is compared with them has to know customers by the same names. */
export function storedParts({ parts, home }: Pick<SmallFederation, "parts" | "home">) {
  return parts.map(({ node, train }) => ({ node, histories: pseudonymised({ home: home(node), histories: train }) }));
}

export function ledgerEntries(home: string): Record<string, unknown>[] {
  const lines = readFileSync(`${home}/ledger.jsonl`, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

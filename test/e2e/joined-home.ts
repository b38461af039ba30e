/** A merchant's home that has joined a federation of a given catalogue: for tests of what a node does by itself. */
import { mkdirSync } from "node:fs";
import { joinFederation, logTo } from "@tributary/client";
import { coordinatorIdentity, createInvite, startCoordinator } from "@tributary/coordinator";
import { type Catalogue, catalogueBytes } from "@tributary/events";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { choosePlan, planDocument } from "@tributary/simulate";

/** @param home a folder that isn't there yet; the coordinator, beside it, is there for just as long as joining takes */
export async function joinedHome(home: string, catalogue: Catalogue): Promise<void> {
  const platform = `${home}-platform`;
  mkdirSync(platform, { recursive: true });
  const { key: coordinatorKey } = coordinatorIdentity(platform);
  const wishes = { catalogueItems: catalogue.items.length, customers: 1000, merchants: 3, epsilon: 8, delta: 1e-6, rounds: 1 };
  const { plan: numbers } = choosePlan(wishes);
  const facts = { federation: "small", coordinatorKey, catalogue, catalogueProvenance: "public" } as const;
  const plan = planDocument(nodeCrypto(), numbers, facts);
  const log = logTo(() => {});
  const coordinator = await startCoordinator({ home: platform, port: 0, plan, catalogue: catalogueBytes(catalogue), log });
  try {
    const { invite } = await createInvite(platform, { node: "shop", url: coordinator.url, hours: 1 });
    await joinFederation({ invite, home });
  } finally {
    await coordinator.close();
  }
}

/**
 * `tributary node declare`: the merchant's signed word for its part of a federation's catalogue, that it is public. It comes before joining, because the
 * plan that is joined is bound to the catalogue: the node's identity is made here where there is none, and joins later.
 */
import { createHash } from "node:crypto";
import { catalogueBytes, readCatalogue } from "@tributary/events";
import { type CataloguePart, declarePart, sha256Hex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { openIdentity } from "./home/keys.ts";
import { layoutOf, makeFolders } from "./home/layout.ts";

export interface DeclareOptions {
  readonly home: string;
  /** The part, catalogue JSONL. */
  readonly catalogue: string;
  /** What the merchant calls itself, and its namespace where it has one. */
  readonly name: string;
}

/** @throws TRB_NODE_HOME_UNREADABLE, TRB_NODE_HOME_UNWRITABLE, and what reading a catalogue throws */
export async function declareCatalogue({ home, catalogue, name }: DeclareOptions): Promise<CataloguePart> {
  const part = await readCatalogue(catalogue);
  const layout = layoutOf(home);
  makeFolders(layout);
  const sha256 = createHash("sha256").update(catalogueBytes(part)).digest("hex");
  const facts = { name, part: sha256Hex.parse(sha256), items: part.items.length, provenance: "public" } as const;
  return declarePart(openIdentity(layout, nodeCrypto()), facts);
}

/** What has become of the roster that a merchant compared when it joined: who came since, whose key is another one, who went, and whether they are trusted. */
import { keysByNode, parseLine, rosterAt, rosterChangesIn } from "@tributary/ledger";
import { fingerprintOf, type NodeId, type Sha256 } from "@tributary/protocol";
import { openLedgerCopy } from "./home/ledger-copy.ts";
import type { Home } from "./home/open.ts";
import type { Policy } from "./policy-document.ts";

export interface RosterNews {
  /** Admitted after the founding, in order of their entries; a node that isn't trusted counts as nobody's peer. */
  readonly admitted: readonly {
    readonly node: NodeId;
    readonly fingerprint: Sha256;
    readonly from: number;
    readonly trusted: boolean;
  }[];
  readonly rotated: readonly { readonly node: NodeId; readonly fingerprint: Sha256; readonly from: number }[];
  readonly revoked: readonly NodeId[];
}

/** By this node's own copy of the ledger. */
export function rosterNews({ layout, crypto }: Pick<Home, "layout" | "crypto">, { trustedPeers }: Policy): RosterNews {
  const lines = openLedgerCopy(layout).lines();
  const genesis = lines[0] === undefined ? undefined : parseLine(lines[0]);
  if (genesis?.kind !== "genesis") return { admitted: [], rotated: [], revoked: [] };
  const changing = { roster: genesis.roster, rosterChanges: rosterChangesIn(lines) };
  const founders = new Set(rosterAt({ ...changing, rosterChanges: [] }, 1).map(({ node }) => node));
  const keys = keysByNode(changing, Number.POSITIVE_INFINITY);
  const seen = new Set(founders);
  const admitted: RosterNews["admitted"][number][] = [];
  const rotated: RosterNews["rotated"][number][] = [];
  for (const { member, from } of changing.rosterChanges) {
    const { node } = member;
    const change = { node, fingerprint: fingerprintOf(crypto, member.key), from };
    if (seen.has(node)) rotated.push(change);
    else {
      const trusted = (keys.get(node) ?? []).some((key) => trustedPeers.includes(fingerprintOf(crypto, key)));
      admitted.push({ ...change, trusted });
    }
    seen.add(node);
  }
  const changes = lines.filter((line) => line.includes('"kind":"roster"')).map(parseLine);
  return { admitted, rotated, revoked: changes.flatMap((entry) => (entry.kind === "roster" ? entry.revoked : [])) };
}

/**
 * `tributary node rotate-identity`: another identity key for a node. It is made here, and told to the coordinator, signed by the old one, by the node that runs or is
 * started next; until the round from which the ledger has it the old one counts. Repeated, it says how far the change has come.
 */
import { type RosterChanges, rosterChangesIn } from "@tributary/ledger";
import { fingerprintOf, type Sha256 } from "@tributary/protocol";
import { nextIdentity } from "./home/keyring.ts";
import { openLedgerCopy } from "./home/ledger-copy.ts";
import { withHome } from "./home/open.ts";

export interface IdentityRotation {
  /** Of the key that comes: what other merchants may name in `tributary node trust`. */
  readonly fingerprint: Sha256;
  /** Of the key that counts until then. */
  readonly previous: Sha256;
  /** The first round that the new key counts in; null as long as this node's copy of the ledger doesn't say. */
  readonly from: number | null;
}

/** @throws TRB_NODE_NOT_JOINED, TRB_NODE_HOME_UNREADABLE, TRB_NODE_HOME_UNWRITABLE */
export function rotateIdentity({ home: folder }: { readonly home: string }): Promise<IdentityRotation> {
  return withHome(folder, ({ layout, crypto, identity }) => {
    const next = nextIdentity(layout, crypto);
    const changes: RosterChanges = rosterChangesIn(openLedgerCopy(layout).lines());
    const from = changes.find(({ member }) => member.key === next.key)?.from ?? null;
    return { fingerprint: fingerprintOf(crypto, next.key), previous: fingerprintOf(crypto, identity.key), from };
  });
}

/**
 * What the two state machines have in common. A step is pure: it takes a state and one event, and returns the next state
 * and the effects to carry out, in order. It refuses by throwing a coded error, and leaves the state as it was.
 */
import type { RandomSource } from "@tributary/dp";
import type { Crypto, IdentityKey, Sha256 } from "@tributary/protocol";

export interface Step<State, Effect> {
  readonly state: State;
  /** To be carried out in this order: a `persist` is on disk and synced before the effects after it begin. */
  readonly effects: readonly Effect[];
}

/** What randomness is for. A seeded run derives one stream for each (role, id, round, purpose); a real one ignores it. */
export type Purpose = "keys" | "shares" | "nonces" | "sampling" | "rounding" | "noise";

/** What a step is handed besides state and event. */
export interface Context {
  readonly crypto: Crypto;
  /** A fresh stream; ask once for each (round, purpose). */
  readonly random: (round: number, purpose: Purpose) => RandomSource;
  /** Ed25519 with this party's identity key. */
  readonly sign: (message: Uint8Array) => Uint8Array;
  /** The same with the identity key that the ledger has for a round, where a node has had several: the reducer says which. */
  readonly signAs?: (key: IdentityKey, message: Uint8Array) => Uint8Array;
  /**
   * The newest version of the protocol that this party speaks; `protocolVersion` unless given. Within a round the reducers narrow
   * it to the round's.
   */
  readonly version?: string;
  /** RFC 3339 time in UTC, for ledger entries only. */
  readonly now: string;
  /** What this party runs (`softwareHash` of `@tributary/ledger/software`), for ledger entries only. */
  readonly software: Sha256;
}

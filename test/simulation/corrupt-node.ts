/**
 * Corrupt nodes of an honest coordinator. Each runs the same reducer as everybody, so that it gets as far as anybody, and spoils what it says:
 * it keeps silent, sends garbage, lies about shares, votes and keys, uploads vectors of wrong content, hash or length, or too late, and
 * brings no noise.
 */
import type { NodeState } from "@tributary/federation";
import { type Message, type MessageOf, type NodeId, type Sha256, type StepName, signMessage, toHex } from "@tributary/protocol";
import type { Identity } from "./crypto.ts";
import type { Chance } from "./randomness.ts";
import type { Manner } from "./scenario.ts";
import type { World } from "./world.ts";

/** What a node makes of what its reducer wants to say. */
export interface Corruption {
  /** What goes over the wire instead of this message; may be nothing, or more. */
  readonly speak: (message: Message, state: NodeState) => readonly unknown[];
  readonly upload: (
    message: MessageOf<"masked">,
    vector: Uint32Array,
  ) => { readonly message: unknown; readonly vector: Uint32Array };
  /** Virtual milliseconds by which an upload is held back. */
  readonly delay: () => number;
  /** Its vector is zero: neither data nor noise. */
  readonly bringsNothing: boolean;
}

export const honesty: Corruption = {
  speak: (message) => [message],
  upload: (message, vector) => ({ message, vector }),
  delay: () => 0,
  bringsNothing: false,
};

export function corruptionOf(world: World, id: NodeId, identity: Identity, manner: Manner): Corruption {
  const { chance } = world;
  switch (manner) {
    case "noNoise":
      return { ...honesty, bringsNothing: true };
    case "late":
      return { ...honesty, delay: () => chance.pick([0, 60, 200, 400]) };
    case "silent": {
      const step = chance.pick(["advert", "shares", "vote", "unmaskShares"] as const);
      return { ...honesty, speak: (message) => (message.step === step && chance.happens(0.7) ? [] : [message]) };
    }
    case "garbage":
      return { ...honesty, speak: (message) => garbageAround(chance, message) };
    case "wrongVectors":
      return { ...honesty, upload: (message, vector) => spoiledUpload(world, id, identity, message, vector) };
    case "wrongShares":
      return { ...honesty, speak: (message) => [wrongShares(chance, identity, message)] };
    case "liar":
      return { ...honesty, speak: (message, state) => lies(world, identity, message, state) };
  }
}

/** The message with changes, signed again by whoever lies. */
export function forge<Step extends StepName>(
  by: Identity,
  message: MessageOf<Step>,
  changes: object,
  body: object = {},
): MessageOf<Step> {
  const { signature: _, ...unsigned } = { ...message, ...changes, body: { ...message.body, ...body } };
  return signMessage(by, unsigned as unknown as Parameters<typeof signMessage<Step>>[1]);
}

const hexOf = (chance: Chance, bytes: number) =>
  Array.from({ length: bytes }, () => chance.below(256).toString(16).padStart(2, "0")).join("");

/** Before and after the message, things that no schema admits, and things whose signature doesn't hold. */
function garbageAround(chance: Chance, message: Message): unknown[] {
  const junk: unknown[] = [
    null,
    "offer",
    [],
    { ...message, unknown: 1 },
    { ...message, round: -1 },
    { ...message, round: Number.NaN },
    { ...message, body: {} },
    { ...message, body: { ...message.body, h1: "no hash" } },
    { ...message, step: "offer" },
    { ...message, version: "9.9" },
    { ...message, signature: hexOf(chance, 64) },
    { ...message, sender: "coordinator" },
    { ...message, modelHash: hexOf(chance, 32) },
    { ...message, body: { ...message.body, survivors: Array.from({ length: 200 }, () => "node-a") } },
  ];
  return chance.shuffled([message, ...chance.some(junk, 0.3)]);
}

/** Shares that are well formed and wrong, malformed, of nobody, or missing. */
function wrongShares(chance: Chance, identity: Identity, message: Message): Message {
  if (message.step === "shares") {
    const envelopes = message.body.envelopes.map((envelope) =>
      chance.happens(0.4) ? { ...envelope, box: hexOf(chance, envelope.box.length / 2) } : envelope,
    );
    return forge(identity, message, {}, { envelopes });
  }
  if (message.step !== "unmaskShares") return message;
  const wrong = () => `${hexOf(chance, 31)}00`;
  const spoil = (shares: MessageOf<"unmaskShares">["body"]["ownMask"]) =>
    shares.map((one) => (chance.happens(0.7) ? { ...one, share: wrong() } : one));
  const { ownMask, maskKey } = message.body;
  return chance.pick<() => Message>([
    () => forge(identity, message, {}, { ownMask: spoil(ownMask), maskKey: spoil(maskKey) }),
    () => forge(identity, message, {}, { ownMask: spoil(ownMask) }),
    () => forge(identity, message, {}, { ownMask: [], maskKey: [] }),
    () => forge(identity, message, {}, { ownMask: ownMask.map((one) => ({ ...one, share: "ff".repeat(32) })) }),
    () => forge(identity, message, {}, { ownMask: [...ownMask, ...ownMask] }),
    () => forge(identity, message, {}, { ownMask: maskKey, maskKey: ownMask }),
  ])();
}

/** A vector that was changed and signed for is this node's to send; one that isn't what it says is refused. */
function spoiledUpload(
  { chance, federation, watch }: World,
  id: NodeId,
  identity: Identity,
  message: MessageOf<"masked">,
  vector: Uint32Array,
): { readonly message: unknown; readonly vector: Uint32Array } {
  const hashOf = (words: Uint32Array) =>
    toHex(federation.crypto.sha256(new Uint8Array(words.buffer, words.byteOffset, words.byteLength))) as Sha256;
  switch (chance.below(5)) {
    case 0: {
      const added = vector.map(() => chance.below(2 ** 32));
      const spoiled = vector.map((word, i) => word + (added[i] ?? 0));
      watch.vectorSpoiled(id, message.round, hashOf(spoiled), added);
      return { message: forge(identity, message, {}, { sha256: hashOf(spoiled) }), vector: spoiled };
    }
    case 1:
      return { message, vector: vector.map((word) => word ^ 1) };
    case 2:
      return { message, vector: vector.subarray(1) };
    case 3: {
      const long = new Uint32Array(4096);
      return { message: forge(identity, message, {}, { sha256: hashOf(long), length: long.length }), vector: long };
    }
    default:
      return { message, vector };
  }
}

/** One lie at a time, beside the truth or in its place. */
function lies({ chance, federation }: World, identity: Identity, message: Message, state: NodeState): unknown[] {
  if (chance.happens(0.4)) return [message];
  const other = (name: string) => federation.crypto.sha256(new TextEncoder().encode(name));
  const anyHash = toHex(other(String(chance.number())));
  switch (message.step) {
    case "advert": {
      const stolen =
        state.round?.adverts.find(({ sender }) => sender !== message.sender)?.body.maskKey ?? message.body.encryptionKey;
      const second = forge(identity, message, {}, { seedCommitment: anyHash });
      return chance.pick([[forge(identity, message, {}, { maskKey: stolen })], [message, second], [second]]);
    }
    case "shares":
      return chance.pick([
        [forge(identity, message, {}, { envelopes: message.body.envelopes.slice(1) })],
        [forge(identity, message, {}, { h1: anyHash }), message],
        [message, forge(identity, message, {}, { envelopes: message.body.envelopes.toReversed() })],
      ]);
    case "vote": {
      const abort = forge(identity, message, {}, { choice: { for: "abort" } });
      const { choice } = message.body;
      const fewer = choice.for !== "survivors" ? choice : { ...choice, survivors: choice.survivors.slice(1) };
      return chance.pick([
        [abort],
        [message, abort],
        [abort, message],
        [forge(identity, message, {}, { choice: fewer }), message],
        [forge(identity, message, {}, { h1: anyHash })],
        [forge(identity, message, { sender: federation.honest[0] ?? message.sender })],
      ]);
    }
    default:
      return [
        forge(identity, message, { round: message.round + 1 }),
        forge(identity, message, { modelHash: anyHash }),
        message,
      ];
  }
}

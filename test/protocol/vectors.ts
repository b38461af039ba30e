/** The protocol's test vectors, made by the code itself from fixed inputs: `write.ts` writes them, `vectors.test.ts` holds both `Crypto`s to them. */
import {
  agreedVersion,
  type Crypto,
  canonicalBytes,
  encodeInvite,
  fingerprintOf,
  formatDecimal,
  fromHex,
  hashOf,
  helloStatement,
  type IdentityKey,
  inviteSchema,
  type NodeId,
  protocolVersion,
  randomSourceFromSeed,
  rosterFingerprint,
  type Sha256,
  signHead,
  signMember,
  signStatement,
  toHex,
  vectorOctets,
} from "@tributary/protocol";
import {
  agreementKeyOf,
  envelopeKey,
  graphCommitment,
  graphSeed,
  graphSource,
  maskVector,
  openEnvelope,
  ownMaskKey,
  pairMaskKey,
  pairSign,
  quorum,
  type RoundBinding,
  reconstruct,
  sealEnvelope,
  seedCommitment,
  splitSecret,
  uniformSeed,
} from "../../packages/secagg/src/index.ts";
import { hashOfText, roundTranscript } from "./round.ts";

export type VectorFiles = Readonly<Record<string, unknown>>;

/** File name, without `.json`, to what stands in it. */
export async function protocolVectors(crypto: Crypto): Promise<VectorFiles> {
  return {
    canonical: canonical(crypto),
    statements: statements(crypto),
    keys: keys(crypto),
    envelopes: envelopes(crypto),
    masks: masks(crypto),
    shares: shares(crypto),
    graph: graph(crypto),
    round: await roundTranscript(crypto),
  };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const [alice, bob] = ["alice", "bob"] as [NodeId, NodeId];

/** A stream for each thing that is drawn. */
const stream = (crypto: Crypto, purpose: string) =>
  randomSourceFromSeed(crypto, fromHex(hashOfText(crypto, "tributary vectors: streams")), "node", "alice", 7, purpose);

function bindingOf(crypto: Crypto): RoundBinding {
  return {
    planHash: hashOfText(crypto, "plan"),
    modelHash: hashOfText(crypto, "model"),
    round: 7,
    h1: hashOfText(crypto, "adverts"),
  };
}

function canonical(crypto: Crypto) {
  const documents = [
    {},
    { b: 1, a: [true, null, -0, 9007199254740991] },
    { "\u20ac": "Euro", "\r": "CR", "\u05d0": "Alef", "1": "one", "\ud83d\ude00": "smile", "\u0080": "control", ö: "ö" },
    { epsilon: formatDecimal(1 / 3, "up"), federation: "example", round: 7 },
    { text: '"\\\b\f\n\r\t\u0001\u2028' },
  ];
  return {
    about:
      "RFC 8785 over integers, strings, booleans, null, arrays and objects; a document's hash is the SHA-256 of its bytes.",
    documents: documents.map((document) => ({
      document,
      bytes: text(canonicalBytes(document)),
      sha256: hashOf(crypto, document),
    })),
    decimals: [1 / 3, 8, 1e-6, 1.5e-9, 123456789.123456, 1e21, 0].map((value) => ({
      float64: String(value),
      nearest: formatDecimal(value),
      up: formatDecimal(value, "up"),
    })),
    vectors: { words: [0, 1, 4294967295, 305419896], octets: toHex(vectorOctets(Uint32Array.of(0, 1, 4294967295, 305419896))) },
    versions: [
      ["1.0", "1.0"],
      ["1.0", "1.7"],
      ["1.12", "1.9"],
    ].map(([own = "", theirs = ""]) => ({ own, theirs, spoken: agreedVersion(own, theirs) })),
  };
}

function statements(crypto: Crypto) {
  const secret = fromHex(hashOfText(crypto, "identity of alice"));
  const key = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
  const signer = { sign: (message: Uint8Array) => crypto.sign(message, secret) };
  const nonce = hashOfText(crypto, "nonce");
  const member = signMember(signer, "example", { node: alice, key, kind: "merchant" });
  const plain = [
    { purpose: "identity", federation: "example", nonce },
    { purpose: "plan", planHash: hashOfText(crypto, "plan") },
    helloStatement("example", nonce, alice, protocolVersion),
  ];
  const invite = inviteSchema.parse({
    federation: "example",
    url: "http://127.0.0.1:8080",
    token: "0123456789abcdef0123456789abcdef",
    fingerprint: fingerprintOf(crypto, key),
    node: alice,
  });
  return {
    about: "Ed25519 signatures over canonical bytes, all with one secret.",
    secret: toHex(secret),
    key,
    fingerprint: fingerprintOf(crypto, key),
    statements: plain.map((statement) => ({
      bytes: text(canonicalBytes(statement)),
      signature: signStatement(signer, statement),
    })),
    head: {
      nonce,
      statement: signHead(signer, "example", nonce, { node: alice, entries: 3, head: hashOfText(crypto, "line"), round: 7 }),
    },
    member,
    rosterFingerprint: rosterFingerprint(crypto, [member]),
    invite: { document: invite, text: encodeInvite(invite) },
  };
}

/** Two nodes' secrets, and everything that both derive from them. */
function pair(crypto: Crypto) {
  const secretOf = (purpose: string) => uniformSeed(stream(crypto, purpose));
  return {
    encryption: [secretOf("encryption of alice"), secretOf("encryption of bob")] as const,
    mask: [secretOf("mask of alice"), secretOf("mask of bob")] as const,
    ownSeed: secretOf("own mask of alice"),
  };
}

function keys(crypto: Crypto) {
  const binding = bindingOf(crypto);
  const { encryption, mask, ownSeed } = pair(crypto);
  const pairKey = pairMaskKey(crypto, binding, mask[0], agreementKeyOf(crypto, mask[1]));
  const words = (key: string, offset: number, count: number) => {
    const out = new Uint32Array(count);
    crypto.keystream(fromHex(key)).words(offset, out);
    return [...out];
  };
  return {
    about: "Keys of a round between alice and bob, by X25519 and HKDF-SHA-256, and words of the stream of the pairwise mask.",
    binding,
    encryptionSecrets: encryption,
    encryptionKeys: encryption.map((secret) => agreementKeyOf(crypto, secret)),
    maskSecrets: mask,
    maskKeys: mask.map((secret) => agreementKeyOf(crypto, secret)),
    ownSeed,
    seedCommitment: seedCommitment(crypto, ownSeed),
    envelopeInfo: text(canonicalBytes(infoOf(binding, "tributary envelope key", { from: alice, to: bob }))),
    aliceToBob: toHex(envelopeKey(crypto, binding, encryption[0], agreementKeyOf(crypto, encryption[1]), alice, bob)),
    bobToAlice: toHex(envelopeKey(crypto, binding, encryption[0], agreementKeyOf(crypto, encryption[1]), bob, alice)),
    pairwiseInfo: text(canonicalBytes(infoOf(binding, "tributary pairwise mask", {}))),
    pairwise: pairKey,
    pairwiseByBob: pairMaskKey(crypto, binding, mask[1], agreementKeyOf(crypto, mask[0])),
    own: ownMaskKey(crypto, binding, ownSeed),
    streamWords: [0, 3, 1_000_001].map((offset) => ({ offset, words: words(pairKey, offset, 6) })),
  };
}

const infoOf = ({ planHash, modelHash, round }: RoundBinding, label: string, parties: object) => ({
  ...{ label, planHash, modelHash, round },
  ...parties,
});

function envelopes(crypto: Crypto) {
  const binding = bindingOf(crypto);
  const { encryption } = pair(crypto);
  const address = { from: alice, to: bob, round: binding.round };
  const sealing = envelopeKey(crypto, binding, encryption[0], agreementKeyOf(crypto, encryption[1]), alice, bob);
  const opening = envelopeKey(crypto, binding, encryption[1], agreementKeyOf(crypto, encryption[0]), alice, bob);
  const held = { ownMask: uniformSeed(stream(crypto, "a share")), maskKey: uniformSeed(stream(crypto, "another share")) };
  const sealed = sealEnvelope(crypto, sealing, address, held, stream(crypto, "nonces"));
  return {
    about: "A box of two shares from alice to bob: XSalsa20-Poly1305 over the address's canonical bytes and 2 × 32 bytes.",
    key: toHex(sealing),
    address: text(canonicalBytes(address)),
    shares: held,
    ...sealed,
    opened: openEnvelope(crypto, opening, sealed, address),
  };
}

function masks(crypto: Crypto) {
  const binding = bindingOf(crypto);
  const { mask, ownSeed } = pair(crypto);
  const vector = Uint32Array.of(0, 1, 2, 4294967295, 2147483648, 123456789, 7, 8);
  const own = ownMaskKey(crypto, binding, ownSeed);
  const pairwise = pairMaskKey(crypto, binding, mask[0], agreementKeyOf(crypto, mask[1]));
  const masked = maskVector(
    vector,
    [
      { key: own, sign: 1 },
      { key: pairwise, sign: pairSign(alice, bob) },
    ],
    crypto,
  );
  return {
    about: "alice's vector with her own mask and the one that she shares with bob, whose sign is + for alice and − for bob.",
    keys: { own, pairwise },
    vector: [...vector],
    masked: [...masked],
    octets: toHex(vectorOctets(masked)),
    sha256: toHex(crypto.sha256(vectorOctets(masked))),
  };
}

function shares(crypto: Crypto) {
  const [holders, maxCorrupt] = [5, 1];
  const threshold = quorum(holders, maxCorrupt);
  const secret = uniformSeed(stream(crypto, "secret"));
  const split = splitSecret(secret, threshold, holders, stream(crypto, "coefficients"));
  const coefficients = stream(crypto, "coefficients");
  const some = [2, 3, 4, 5].map((x) => ({ x, y: split[x - 1] ?? "" }));
  return {
    about: "Shamir over 2^255 − 19, elements little-endian; holder x has f(x), x counted from 1.",
    holders,
    maxCorrupt,
    threshold,
    secret,
    coefficients: Array.from({ length: threshold - 1 }, () => uniformSeed(coefficients)),
    shares: split,
    fromHolders2To5: reconstruct(some, threshold, () => true),
  };
}

function graph(crypto: Crypto) {
  const binding = bindingOf(crypto);
  const reveals = [alice, bob].map((node) => hashOfText(crypto, `randomness of ${node}`));
  const seed: Sha256 = graphSeed(crypto, binding, reveals);
  const first = new Uint8Array(16);
  graphSource(crypto, seed, binding.round).fill(first);
  return {
    about:
      "Commitments and seed of a graph round of two nodes, and the first octets of the stream that the order is drawn from.",
    binding,
    reveals,
    commitments: [alice, bob].map((node, i) => graphCommitment(crypto, binding, node, reveals[i] ?? "")),
    seed,
    stream: toHex(first),
  };
}

/** Words of the protocol: messages, plans, invites, canonical bytes, keys, packed vectors, shares, refusals and answers over HTTP. */
import { readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import {
  apiRoutes,
  type Crypto,
  canonicalBytes,
  challengeSchema,
  coordinatorClient,
  decimalToRational,
  decodeInvite,
  describePlan,
  encodeInvite,
  explainPlan,
  formatDecimal,
  headRequestSchema,
  headStatementSchema,
  headsAnswerSchema,
  headsRequestSchema,
  helloSchema,
  lintPlan,
  parseDecimal,
  parseMessage,
  parsePlan,
  parseWith,
  planHash,
  portableCrypto,
  problemOf,
  refusalIn,
  rosterFingerprint,
  rosterSchema,
  verifyMember,
  verifyMessage,
  welcomeSchema,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { examplePlan } from "../../../packages/protocol/src/plan/example-plan.ts";
import { openEnvelope } from "../../../packages/secagg/src/envelope.ts";
import { packWords, unpackWords } from "../../../packages/secagg/src/packing.ts";
import { combineShares, reconstruct, requireShare } from "../../../packages/secagg/src/shamir.ts";
import { type Choices, choicesOf } from "../engine/choices.ts";
import { editBytes, editJson } from "../engine/edits.ts";
import { jsonIn, lenientText, must, type Target, textBytes, verdictLater, verdictOf } from "../engine/target.ts";

const vectors = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../vectors/protocol/${name}.json`, import.meta.url), "utf8"));
const round = vectors("round") as { readonly messages: readonly { readonly message: object }[] };
const statements = vectors("statements") as {
  readonly head: { readonly statement: object };
  readonly member: object;
  readonly invite: { readonly document: object; readonly text: string };
  readonly key: string;
};
const written = (value: unknown): Uint8Array => textBytes(JSON.stringify(value) ?? "");
const edited = (documents: readonly unknown[], choices: Choices) => written(editJson(choices.of(documents), choices));
const fields = [
  "signature",
  "planHash",
  "modelHash",
  "sender",
  "step",
  "body",
  "version",
  "federation",
  "__proto__",
  "coordinator",
];

const messages = round.messages.map(({ message }) => message);
/** Each step once. */
const oneEach = [...new Map(messages.map((one) => [(one as { readonly step: string }).step, one])).values()];
const [portable, native]: readonly [Crypto, Crypto] = [portableCrypto(), nodeCrypto()];

const wire: Target = {
  ...{ name: "protocol-messages", parses: "wire messages of every step", dictionary: fields },
  seeds: () => oneEach.map(written),
  structured: (choices) => edited(messages, choices),
  longest: 16_384,
  fuzz(bytes) {
    const found = jsonIn(bytes);
    if (found === undefined) return;
    const read = verdictOf(() => parseMessage(found.json));
    if ("code" in read) return;
    const again = parseMessage(JSON.parse(JSON.stringify(read.value)));
    must(JSON.stringify(again) === JSON.stringify(read.value), "a message is read as it was written");
    verdictOf(() => verifyMessage(native, read.value, statements.key as never));
  },
};

const smallDocuments = [
  { nonce: "a".repeat(64), version: "1.0" },
  { node: "alice", version: "1.0", signature: "0".repeat(128) },
  { ok: true, version: "1.0" },
  statements.head.statement,
  { ok: true, heads: [statements.head.statement] },
  { nonce: "a".repeat(64), peers: ["alice", "bob"] },
  [statements.member],
];
const smallSchemas = [
  challengeSchema,
  helloSchema,
  welcomeSchema,
  headRequestSchema,
  headsRequestSchema,
  headsAnswerSchema,
  headStatementSchema,
];

const greetings: Target = {
  ...{ name: "protocol-greetings", parses: "greetings, heads, rosters", dictionary: fields },
  seeds: () => smallDocuments.map(written),
  structured: (choices) => edited(smallDocuments, choices),
  fuzz(bytes) {
    const found = jsonIn(bytes);
    if (found === undefined) return;
    for (const schema of smallSchemas) verdictOf(() => parseWith(schema, found.json, "TRB_MESSAGE_INVALID"));
    const roster = verdictOf(() => parseWith(rosterSchema, found.json, "TRB_MESSAGE_INVALID"));
    if ("code" in roster) return;
    verdictOf(() => rosterFingerprint(native, roster.value));
    for (const member of roster.value) verifyMember(native, "example", member);
  },
};

const plan = examplePlan();
const planWords = [
  "releases",
  "samplingRate",
  "noiseMultiplier",
  "rounds",
  "epsilon",
  "delta",
  "accountant",
  "1e-300",
  "0.9999",
];
const plans: Target = {
  ...{ name: "protocol-plan", parses: "plan.json: schema", longest: 8192, dictionary: planWords },
  seeds: () => [written(plan)],
  structured: (choices) => edited([plan], choices),
  fuzz(bytes) {
    const found = jsonIn(bytes);
    if (found === undefined) return;
    const read = verdictOf(() => parsePlan(found.json));
    if ("code" in read) return;
    const bytesOnce = verdictOf(() => canonicalBytes(read.value));
    if ("code" in bytesOnce) return;
    const again = verdictOf(() => parsePlan(JSON.parse(new TextDecoder().decode(bytesOnce.value))));
    must(
      "value" in again && planHash(native, again.value) === planHash(native, read.value),
      "a plan is read as it was written",
    );
  },
};

/** Accounting takes its time: some plans are priced in seconds, and none may take a minute. */
const rules: Target = {
  ...{
    name: "protocol-rules",
    parses: "plan.json: rules, costs, words",
    longest: 8192,
    dictionary: planWords,
    seconds: 20,
    mebibytes: 512,
    smoke: 12,
  },
  seeds: () => [written(plan)],
  structured: (choices) => edited([plan], choices),
  fuzz(bytes) {
    const found = jsonIn(bytes);
    if (found === undefined) return;
    const read = verdictOf(() => parsePlan(found.json));
    if ("code" in read) return;
    const findings = verdictOf(() => lintPlan(read.value));
    if (!("value" in findings) || findings.value.length > 0) return;
    verdictOf(() => describePlan(read.value, "en"));
    verdictOf(() => explainPlan(read.value, "zh"));
  },
};

const invites: Target = {
  ...{ name: "protocol-invite", parses: "invites" },
  seeds: () => [textBytes(statements.invite.text), textBytes(` ${statements.invite.text}\n`)],
  structured: (choices) => textBytes(Buffer.from(written(editJson(statements.invite.document, choices))).toString("base64url")),
  fuzz(bytes) {
    const text = lenientText(bytes);
    const read = verdictOf(() => decodeInvite(text));
    if ("value" in read) must(encodeInvite(read.value) === text.trim(), "an invite has one spelling");
    else must(read.code === "TRB_INVITE_INVALID", "an invite is refused by its code");
  },
};

const canonical: Target = {
  ...{ name: "protocol-canonical", parses: "canonical JSON and decimals" },
  seeds: () => [
    written({ a: [1, "é€", null, true], "": { b: -1 } }),
    textBytes("-1.25e-7"),
    textBytes("0.1"),
    textBytes("9007199254740991"),
  ],
  structured: (choices) => edited([{ a: [1, "é€", null, true], b: { "😀": 2 ** 31, c: '\u0000\\"' } }], choices),
  fuzz(bytes) {
    const text = lenientText(bytes);
    const exact = verdictOf(() => decimalToRational(text));
    const near = verdictOf(() => parseDecimal(text));
    if ("value" in near) {
      must("value" in exact, "what is read as a number has an exact value");
      const once = formatDecimal(near.value, "up");
      must(parseDecimal(once) >= near.value, "a cost is never written as less");
      must(formatDecimal(parseDecimal(once), "up") === once, "a decimal that is written again stays");
    }
    const found = jsonIn(bytes);
    if (found === undefined) return;
    const first = verdictOf(() => canonicalBytes(found.json));
    if ("code" in first)
      return must(first.code === "TRB_CANONICAL_UNSUPPORTED", "what has no canonical form is refused by its code");
    const again = canonicalBytes(JSON.parse(new TextDecoder().decode(first.value)));
    must(Buffer.compare(again, first.value) === 0, "canonical bytes are canonical");
  },
};

const message = textBytes("a statement");
const secret = new Uint8Array(32).fill(7);
const keys: Target = {
  ...{ name: "protocol-keys", parses: "points and signatures of both implementations", longest: 256, smoke: 60 },
  seeds: () => [
    new Uint8Array([...native.sign(message, secret), ...native.signingPublicKey(secret)]),
    native.agreementPublicKey(secret),
    new Uint8Array(96),
    new Uint8Array(96).fill(255),
  ],
  structured: (choices) => {
    const valid = new Uint8Array([...native.sign(message, secret), ...native.signingPublicKey(secret)]);
    return editBytes(valid, choices, 3);
  },
  fuzz(bytes) {
    const [signature, key] = [bytes.subarray(0, 64), bytes.subarray(64, 96)];
    const verified = [portable, native].map((crypto) => verdictOf(() => crypto.verify(signature, message, key)));
    must(JSON.stringify(verified[0]) === JSON.stringify(verified[1]), "both implementations agree on a signature");
    for (const point of [key, bytes.subarray(0, 32)]) {
      const agreed = [portable, native].map((crypto) =>
        verdictOf(() => Buffer.from(crypto.agree(secret, point)).toString("hex")),
      );
      must(JSON.stringify(agreed[0]) === JSON.stringify(agreed[1]), "both implementations agree on a shared secret");
    }
    const boxes = [portable, native].map((crypto) => verdictOf(() => crypto.open(bytes, new Uint8Array(24), secret)));
    must(JSON.stringify(boxes[0]) === JSON.stringify(boxes[1]), "both implementations agree on a box");
  },
};

const packed: Target = {
  ...{ name: "protocol-vectors", parses: "packed vectors, shares, envelopes", longest: 512 },
  seeds: () => [
    new Uint8Array([16, 4, ...packWords(Uint32Array.of(1, 2, 65_535, 4), 16)]),
    new Uint8Array([20, 3, 1, 2, 3, 4, 5, 6, 7, 0]),
  ],
  fuzz(bytes) {
    const [bits = 0, length = 0] = bytes;
    const octets = bytes.subarray(2);
    const read = verdictOf(() => unpackWords(octets, length, bits));
    if ("value" in read) must(Buffer.compare(packWords(read.value, bits), octets) === 0, "packed words have one form");
    const choices = choicesOf(octets);
    const shares = Array.from({ length: Math.min(6, 1 + (length % 6)) }, (_, place) => ({
      x: choices.below(4) === 0 ? choices.below(8) : place + 1,
      y: Buffer.from(choices.octets(32)).toString("hex"),
    }));
    for (const { y } of shares) verdictOf(() => requireShare(y));
    verdictOf(() => combineShares(shares));
    verdictOf(() => reconstruct(shares, 1 + (bits % 6), () => false));
    const hex = Buffer.from(octets).toString("hex");
    openEnvelope(portable, secret, { nonce: hex.slice(0, 48), box: hex.slice(48) }, {
      from: "alice",
      to: "bob",
      round: 1,
    } as never);
  },
};

const problem = problemOf(fail("TRB_LEDGER_EMPTY"));
const answers: Target = {
  ...{ name: "protocol-answers", parses: "problem+json and answers, as clients read them", longest: 8192 },
  dictionary: ["TRB_", "error", "details", "message", "advice", "detail"],
  seeds: () => [new Uint8Array([0, 0, ...written(problem)]), new Uint8Array([3, 1, ...written({ nodes: [], round: null })])],
  structured: (choices) =>
    new Uint8Array([choices.below(256), choices.below(8), ...edited([problem, { error: problem.error }], choices)]),
  async fuzz(bytes) {
    const names = Object.keys(apiRoutes) as (keyof typeof apiRoutes)[];
    const name = names[(bytes[0] ?? 0) % names.length];
    if (name === undefined) return;
    const route = apiRoutes[name] as { readonly status: number };
    const status = [route.status, 400, 404, 409, 500, 503, 202, 418][(bytes[1] ?? 0) % 8] ?? 500;
    const body = Uint8Array.from(bytes.subarray(2));
    const found = jsonIn(body);
    if (found !== undefined) refusalIn(found.json, (code) => fail("TRB_API_ANSWER", { request: "it", reason: code }));
    const api = coordinatorClient({
      url: "http://127.0.0.1:1",
      fetch: async () => new Response([204, 205, 304].includes(status) ? null : body, { status }),
    });
    const method = api[name] as (request: unknown) => Promise<unknown>;
    await verdictLater(() => method({ params: {}, body: {} }));
  },
};

export const targets: readonly Target[] = [wire, greetings, plans, rules, invites, canonical, keys, packed, answers];

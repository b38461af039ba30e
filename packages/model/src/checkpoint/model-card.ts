/**
 * A model card: what a model is, what it cost its customers in privacy, what it is for and what it isn't. One plain value; it goes into
 * every exported file as JSON (safetensors `__metadata__`, ONNX `metadata_props`) and beside them as Markdown.
 *
 * The card is a claim. `tributary model verify` holds it to a ledger, which is evidence.
 */
import { fail } from "@tributary/errors";
import { checkBuildable, type ModelSpec, modelSpec } from "../spec.ts";

/** The key of the card in a file's metadata. */
export const cardKey = "modelcard";

export interface ModelCard {
  readonly format: "tributary-model-card";
  readonly version: 1;
  readonly federation: string;
  /** SHA-256, lower-case hex, as all hashes here. */
  readonly planHash: string;
  /** The ledger entry that this model came from: the last one when it was exported. */
  readonly ledgerHead: string;
  /** The round that this model is the outcome of; 0 is the initial model, which no data has touched. */
  readonly round: number;
  /** Of the round's safetensors file, which is the exported one without this card. */
  readonly modelHash: string;
  readonly graphVersion: number;
  readonly graphHash: string;
  readonly parameters: number;
  readonly model: ModelSpec;
  readonly privacy: {
    /** Who is protected: all events of one customer at one merchant, or a whole node. */
    readonly unit: "customer" | "node";
    /** Spent up to this round; a decimal string, rounded up. */
    readonly epsilon: string;
    readonly delta: string;
    /** ε that the plan permits in all. */
    readonly limit: string;
    /** A condition of the promise; null when there is none. */
    readonly conditional: string | null;
  };
  /** Null when nobody measured, or nobody may tell: a merchant's own figures never leave it. */
  readonly metrics: { readonly source: string; readonly values: Readonly<Record<string, number>> } | null;
  readonly licence: string;
  readonly provenance: string;
  readonly intendedUse: string;
  readonly limits: readonly string[];
}

/** What every model of ours is for, and what it must not be taken for. */
export const intendedUse =
  "Ranks a shop's items (and, where it has the heads, actions, churn and purchases) for a customer from that customer's own events, in the systems of the federation's members.";

export const knownLimits: readonly string[] = [
  "Trained on noisy sums: small differences between scores mean nothing, rare items are ranked by chance.",
  "ε counts what training released. Serving a customer's own history in-house is the merchant's own processing and outside ε.",
  "No file shows that noise was added, customers clipped, sampling secret or counts honest; signatures attest claims.",
  "Not for decisions about credit, prices for one person, employment or health.",
];

/** The provenance of a federation's model, in words. */
export const federatedProvenance =
  "Trained by the members of the federation on their own logs, which stayed with them; only clipped, noisy, masked sums left a member.";

/** One line of JSON; equal cards give equal bytes. */
export function encodeCard(card: ModelCard): string {
  return JSON.stringify(sorted(card));
}

/** @throws TRB_MODEL_CARD_INVALID, TRB_TRAINING_SPEC_INVALID */
export function decodeCard(text: string): ModelCard {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw fail("TRB_MODEL_CARD_INVALID", { reason: "it is not JSON" }, cause);
  }
  const card = record(parsed, "the card");
  if (card["format"] !== "tributary-model-card" || card["version"] !== 1) throw invalid("it is of another format or version");
  const privacy = record(card["privacy"], "privacy");
  const unit = privacy["unit"];
  if (unit !== "customer" && unit !== "node") throw invalid("privacy.unit is neither customer nor node");
  const { conditional } = { conditional: privacy["conditional"] };
  return {
    format: "tributary-model-card",
    version: 1,
    federation: text80(card, "federation"),
    planHash: hash(card, "planHash"),
    ledgerHead: hash(card, "ledgerHead"),
    round: count(card, "round"),
    modelHash: hash(card, "modelHash"),
    graphVersion: count(card, "graphVersion"),
    graphHash: hash(card, "graphHash"),
    parameters: count(card, "parameters"),
    model: specOf(card["model"]),
    privacy: {
      unit,
      epsilon: decimal(privacy, "epsilon"),
      delta: decimal(privacy, "delta"),
      limit: decimal(privacy, "limit"),
      conditional: conditional === null ? null : words(privacy, "conditional"),
    },
    metrics: metricsOf(card["metrics"]),
    licence: words(card, "licence"),
    provenance: words(card, "provenance"),
    intendedUse: words(card, "intendedUse"),
    limits: list(card["limits"], "limits").map((limit) => {
      if (typeof limit !== "string") throw invalid("limits holds something else than text");
      return limit;
    }),
  };
}

/** modelcard.md: for people. */
export function cardMarkdown(card: ModelCard): string {
  const { model, privacy, metrics } = card;
  const table = (rows: readonly (readonly [string, string | number])[]) => [
    "| | |",
    "| --- | --- |",
    ...rows.map(([name, value]) => `| ${name} | ${plain(String(value))} |`),
  ];
  return [
    `# Model card: ${plain(card.federation)}, round ${card.round}`,
    "",
    plain(card.intendedUse),
    "",
    "## Model",
    "",
    ...table([
      ["family", model.family],
      ["parameters", card.parameters],
      ["items", model.items],
      ["events read", model.length],
      ["width × blocks × heads", `${model.width} × ${model.blocks} × ${model.heads}`],
      ["model hash", card.modelHash],
      ["graph hash", `${card.graphHash} (version ${card.graphVersion})`],
      ["plan hash", card.planHash],
      ["ledger head", card.ledgerHead],
    ]),
    "",
    "## Privacy",
    "",
    ...table([
      ["protected", privacy.unit === "customer" ? "each customer's whole history at one merchant" : "each node"],
      ["ε spent", privacy.epsilon],
      ["δ", privacy.delta],
      ["ε permitted in all", privacy.limit],
      ...(privacy.conditional === null ? [] : [["on the condition", privacy.conditional] as const]),
    ]),
    "",
    "## Metrics",
    "",
    ...(metrics === null
      ? ["None are given: a merchant's own figures never leave it."]
      : [plain(metrics.source), "", ...table(Object.entries(metrics.values).map(([name, value]) => [plain(name), value]))]),
    "",
    "## Provenance and licence",
    "",
    plain(card.provenance),
    "",
    plain(card.licence),
    "",
    "## Limits",
    "",
    ...card.limits.map((limit) => `- ${plain(limit)}`),
    "",
    "This card is a claim. `tributary model verify FILE --ledger ledger.jsonl` holds the model and the card to the ledger.",
    "",
  ].join("\n");
}

/** On one line, with nothing that Markdown or HTML would act on. */
function plain(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(/[&<>|`[\]\\]/g, (character) => `&#${character.codePointAt(0)};`);
}

/** Keys ascending, all the way down. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

// ── narrowing what a file says ──────────────────────────────────────────────────────────────────────────────────────────

type Unknown = Readonly<Record<string, unknown>>;

const invalid = (reason: string) => fail("TRB_MODEL_CARD_INVALID", { reason });

function record(value: unknown, name: string): Unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(`${name} is not an object`);
  return { ...value };
}

function list(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`${name} is not a list`);
  return value;
}

function words(from: Unknown, key: string): string {
  const value = from[key];
  if (typeof value !== "string" || value.length > 2000) throw invalid(`${key} is not a text of at most 2000 characters`);
  return value;
}

function text80(from: Unknown, key: string): string {
  const value = words(from, key);
  if (value.length > 80) throw invalid(`${key} is longer than 80 characters`);
  return value;
}

function hash(from: Unknown, key: string): string {
  const value = words(from, key);
  if (!/^[0-9a-f]{64}$/.test(value)) throw invalid(`${key} is not a SHA-256 in lower-case hex`);
  return value;
}

function decimal(from: Unknown, key: string): string {
  const value = words(from, key);
  if (value.trim() === "" || !Number.isFinite(Number(value))) throw invalid(`privacy.${key} is not a number`);
  return value;
}

function count(from: Unknown, key: string): number {
  const value = from[key];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw invalid(`${key} is not a whole number`);
  return value;
}

function metricsOf(value: unknown): ModelCard["metrics"] {
  if (value === null) return null;
  const metrics = record(value, "metrics");
  const values: Record<string, number> = {};
  for (const [name, figure] of Object.entries(record(metrics["values"], "metrics.values"))) {
    if (typeof figure !== "number") throw invalid(`metrics.values.${name.slice(0, 80)} is not a number`);
    values[name] = figure;
  }
  return { source: words(metrics, "source"), values };
}

/** Exactly the fields of a spec, each of the type that it has in the plainest one. */
function specOf(value: unknown): ModelSpec {
  const extended = record(value, "model")["family"] === "extension" ? { extension: "" } : {};
  const plainest = modelSpec({ items: 2, length: 1, width: 4, ...extended });
  requireLike(value, plainest, "model");
  const { item } = value;
  for (const [place, attribute] of item.attributes.entries()) {
    requireLike(attribute, { name: "", values: 1 }, `model.item.attributes[${place}]`);
  }
  const choices = {
    family: ["sasrec", "bert4rec", "seq2seq", "lstm", "gru", "extension"],
    activation: ["relu", "gelu"],
    positions: ["learned", "sinusoidal"],
    output: ["tied", "separate"],
  } as const;
  for (const [name, allowed] of Object.entries(choices)) {
    const chosen = new Map(Object.entries(value)).get(name);
    if (!allowed.some((one) => one === chosen)) throw invalid(`model.${name} is none of ${allowed.join(", ")}`);
  }
  if (item.ids !== "own" && item.ids !== "none") throw invalid("model.item.ids is neither own nor none");
  if (value.nextItem.loss !== "softmax" && value.nextItem.loss !== "gbce") throw invalid("model.nextItem.loss is unknown");
  checkBuildable(value);
  return value;
}

function requireLike<Example>(value: unknown, example: Example, name: string): asserts value is Example {
  if (Array.isArray(example)) {
    list(value, name);
    return;
  }
  if (typeof example !== "object" || example === null) {
    if (typeof value !== typeof example) throw invalid(`${name} is not a ${typeof example}`);
    return;
  }
  const given = record(value, name);
  const expected = Object.entries(example);
  const strange = Object.keys(given).find((key) => !expected.some(([known]) => known === key));
  if (strange !== undefined) throw invalid(`${name} has the unknown field ${strange.slice(0, 80)}`);
  for (const [key, inner] of expected) requireLike(given[key], inner, `${name}.${key}`);
}

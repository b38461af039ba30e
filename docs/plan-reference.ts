/** Makes docs/reference/plan.md: each field of plan.json by the schema that reads it, with what it means; what guards it is docs/plan-rules.md. */
import { planSchema } from "@tributary/protocol";

/** What fields are for, in the order of reading; a field that is missing here, or is none any more, stops the generator. */
const groups: readonly { readonly title: string; readonly fields: Readonly<Record<string, string>> }[] = [
  {
    title: "What federation this is",
    fields: {
      version: "of this form",
      federation: "its name; every message, key and entry is bound to it",
      coordinatorKey: "the platform's Ed25519 key: who signs offers and entries",
      rosterNotice: "rounds between an entry that admits a node and the first round that it counts in; 1 unless given",
    },
  },
  {
    title: "Who is protected, and how much",
    fields: {
      unit: "`customer`: all events of one person at one merchant; `node`: everything that one node holds",
      maxMerchantsPerCustomer: "k: at how many merchants one person may be; ε is for all of them together",
      epsilon: "most ε that all rounds together may cost; verifiers recompute it, and a claim may exceed but never undercut",
      delta: "δ: the chance that ε does not hold; well below 1/`minCustomers`",
      minCustomers: "N: a declared lower bound, against which δ is judged; no count",
      accountant:
        "what ε is added up by: Rényi divergences at integer orders, or the curve of discrete noise where nothing is sampled",
      noiseMode: "who adds noise: every node its share, every node all of it, or the coordinator (simulations only)",
      sampler: "whose sampler draws it",
      selection: "how the recipe was chosen by looking at customers' data, if it was: that is paid for as well",
    },
  },
  {
    title: "Who takes part in a round",
    fields: {
      minCohort: "n_min: fewest nodes of a round; below it nothing is opened",
      maxCorrupt: "n_corrupt: nodes that may work with the coordinator without weakening ε",
      threshold: "how many nodes must agree on who survived before masks are opened: ⌊(n + maxCorrupt)/2⌋ + 1",
      graph: "above 150 nodes: how the graph of neighbours is drawn, and for which dropouts it is made",
      customerQuota:
        "most customers of one node that are expected in one round's sample; from configuration, never from the log",
      deadlines: "milliseconds of each step; the masked upload leaves at a fixed offset, whatever training took",
    },
  },
  {
    title: "What leaves a node",
    fields: {
      releases: "the list of noisy sums, in the order in which they run; nothing that is not in it may be asked for",
      caps: "how much of one customer's history can count at all: events, items, pairs, local steps",
      local: "local training before an update is clipped",
      trained: "names of the tensors that training covers; everything unless given",
      statistics: "every number of the statistics: what is asked first, what later, and how it serves",
      metrics: "which share of the customers is held out, and the loss's bound",
      features: "the moment at which features of customers are asked",
      extensions: "code from outside, each file by its hash",
    },
  },
  {
    title: "What is learnt of it",
    fields: {
      model: "the model's shape; nodes build the graph from it with their own code",
      graphVersion: "of the builder; another version makes another graph",
      graphHash: "of the graph that a node must get; it refuses another",
      initialModelHash: "where training begins",
      initialModel: "`public`: that model holds nothing of the federation's customers, which is declared",
      warmStart: "how training begins from released statistics",
      optimiser: "what the coordinator makes of a noisy sum",
      acceptance: "whether metrics decide if a trained model is kept",
      earlyStop: "whether metrics decide when training ends",
      promotion: "by which rule models are put forward for use",
    },
  },
  {
    title: "The public list of items",
    fields: {
      catalogueHash: "of the catalogue; what is not in it is not counted",
      catalogueProvenance:
        "`public`: declared not to be derived from behaviour; `dp-selection`: bought with ε; `log`: demonstrations only",
      catalogueParts: "whose parts it is made of, each with its merchant's signed word",
      actions: "what customers can do",
    },
  },
];

/** The same of one release. */
const releaseFields: Readonly<Record<string, string>> = {
  kind: "what is summed; statistics come before training, and popularity before pairs",
  query: "the extension whose query it is, where the kind is `query`",
  arithmetic: "`exact`: one customer at a time, in integers; `bucketed`: a few customers in one run of the graph",
  clipNorm: "C: the L2 norm that a customer's vector is clipped to",
  samplingRate: "q: the chance that a customer is in a round's sum",
  noiseMultiplier: "z: the noise's standard deviation over what one customer can move, of the smallest honest cohort",
  rounds: "how many rounds may be charged, retries included",
  retries: "how many of those are there only to replace rounds that failed after they were charged",
  dimension: "coordinates of the vector",
  touched: "most coordinates that one customer can touch",
  scale: "s: integer units per unit of the vector",
  fractionBits: "f: a node adds up on the finer grid s·2^f before it rounds",
  packing: "vectors in fewer bits than 32",
  schedule: "how the learning rate runs from round to round",
};

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly pattern?: string;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** The whole document. @throws where a field has no meaning here, or a meaning no field */
export function planReference(): string {
  const schema = planSchema.toJSONSchema({ io: "input", unrepresentable: "any" }) as JsonSchema;
  const known = Object.keys(schema.properties ?? {});
  const told = groups.flatMap(({ fields }) => Object.keys(fields));
  requireSame(known, told);
  return [
    "# The plan",
    "",
    "Made from `packages/protocol/src/plan` by `node docs/check-examples.ts --write`. `plan.json` fixes everything that a federation may do with customers' data. `tributary plan new` writes one ([planning](../planning.md)),",
    "`plan check` judges it, and `plan explain` says it in words, in English and Chinese. Its hash, the SHA-256 of its canonical bytes, is in every message and every entry of the ledger: another plan is another federation.",
    "Real numbers are decimal strings, so that every machine reads the same. Unknown fields are refused. What guards each field is in [what guards a plan](../plan-rules.md#fields).",
    ...groups.flatMap(({ title, fields }) => [
      "",
      `## ${title}`,
      "",
      "| field | is | there | means |",
      "| --- | --- | --- | --- |",
      ...Object.entries(fields).map(([name, meaning]) => {
        const required = schema.required?.includes(name) === true;
        return `| \`${name}\` | ${kindOf(schema.properties?.[name] ?? {})} | ${required ? "always" : "if used"} | ${meaning} |`;
      }),
    ]),
    "",
    "## A release",
    "",
    "Each of `releases` is one kind of sum and what it costs.",
    "",
    "| field | is | there | means |",
    "| --- | --- | --- | --- |",
    ...rowsOfRelease(schema.properties?.["releases"]?.items ?? {}),
    "",
    "C is `clipNorm`, q `samplingRate`, z `noiseMultiplier`, s `scale` and f `fractionBits` of the [proofs](../privacy/proofs.md). Noise of a node: σ = z·Δ/√(minCohort − maxCorrupt), so that the sum of the honest ones has at least z·Δ.",
    "",
  ].join("\n");
}

function requireSame(known: readonly string[], told: readonly string[]): void {
  const odd = [...known.filter((name) => !told.includes(name)), ...told.filter((name) => !known.includes(name))];
  if (odd.length > 0) throw new Error(`docs/plan-reference.ts and the schema of plans don't agree on: ${odd.join(", ")}`);
}

function rowsOfRelease({ properties = {}, required = [] }: JsonSchema): string[] {
  requireSame(Object.keys(properties), Object.keys(releaseFields));
  return Object.entries(properties).map(
    ([name, schema]) =>
      `| \`${name}\` | ${kindOf(schema)} | ${required.includes(name) ? "always" : "if used"} | ${releaseFields[name]} |`,
  );
}

/** `1 to 16`, `a number in decimals`, `{ heldOut, lossBound }`. */
function kindOf(schema: JsonSchema): string {
  const either = schema.anyOf ?? schema.oneOf;
  if (either !== undefined) return [...new Set(either.map(kindOf))].join(" or ");
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((one) => `\`${String(one)}\``).join(", ");
  if (schema.type === "array") return `list of ${kindOf(schema.items ?? {})}`;
  if (schema.type === "object")
    return schema.properties === undefined
      ? "names with numbers"
      : Object.keys(schema.properties)
          .map((name) => `\`${name}\``)
          .join(", ");
  if (schema.type === "integer" || schema.type === "number") return numbers(schema);
  return schema.pattern?.includes("a-f") === true ? "hex" : schema.pattern?.includes("[0-9]") === true ? "decimal" : "text";
}

function numbers({ minimum, maximum }: JsonSchema): string {
  if (maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER) return `whole number from ${minimum ?? 0}`;
  return `whole number, ${minimum ?? 0} to ${maximum}`;
}

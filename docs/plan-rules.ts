/** Makes docs/plan-rules.md of the values that refuse: what guards each field of a plan, and why. */
import { type FieldRule, guardedFields, planRules } from "@tributary/protocol";

const whoRefuses: Readonly<Record<(typeof planRules)[number]["by"], { readonly title: string; readonly words: string }>> = {
  linter: {
    title: "The linter",
    words:
      "`tributary plan check`, `plan new`, `coordinator start`, `node join`, `node check`, every start of a node and `ledger verify` ask all of these. One finding refuses the plan.",
  },
  form: { title: "The form", words: "What isn't of this form is no plan; whoever reads one asks this first." },
  party: {
    title: "Nodes and coordinator",
    words:
      "What can only be judged with something that the plan doesn't hold: a key, a catalogue, a model, a merchant's policy.",
  },
  remark: {
    title: "Stricter advice",
    words: "No reason to refuse: `plan check` and `node check` print it, and `plan check --strict` refuses for it.",
  },
};

const cell = (text: string) => text.replaceAll("|", "\\|");
const codesOf = (codes: readonly string[]) => [...new Set(codes)].map((code) => `\`${code}\``).join(" ");
const anchor = ({ name }: FieldRule) =>
  `[${cell(name)}](#${name
    .toLowerCase()
    .replace(/[^\p{L}\d\- ]/gu, "")
    .replaceAll(" ", "-")})`;

/** The whole document. */
export function planRulesDocument(): string {
  const guarded = guardedFields();
  return [
    "# What guards each field of a plan",
    "",
    "Made from `packages/protocol/src/plan` by `node docs/check-examples.ts --write`. `plan.json` is everything that a federation may do with customers' data, so that whatever in it could",
    "weaken the guarantee has a rule, and whatever has none has a reason. A test walks the schema and fails for a field with neither (`rules.test.ts`), and bends a plan for each code and finds exactly that; another changes one",
    "field at random: the plan is refused, or ε and the noise are what a second, slow accountant says (`honest-plans.test.ts`). Unknown keys are refused everywhere, with the name that was probably meant.",
    "",
    "<!-- runs: exit 3 -->",
    "```sh",
    "tributary plan check plan.json --strict",
    "tributary plan explain plan.json --language zh",
    "```",
    "",
    "## Rules",
    ...planRules.flatMap(({ by, rules }) => [
      "",
      `### ${whoRefuses[by].title}`,
      "",
      whoRefuses[by].words,
      ...rules.flatMap((rule) => ["", `#### ${rule.name}`, "", rule.why, "", `Codes: ${codesOf(rule.codes)}.`]),
    ]),
    "",
    "## Fields",
    "",
    "`*` stands for the places of a list, and for the names of an extension's numbers.",
    "",
    "| field | guarded by | codes | why no more is needed |",
    "| --- | --- | --- | --- |",
    ...guarded.map(
      ({ field, rules, harmless }) =>
        `| \`${cell(field)}\` | ${rules.map(anchor).join(", ") || "–"} | ${codesOf(rules.flatMap(({ codes }) => codes)) || "–"} | ${cell(harmless ?? "")} |`,
    ),
    "",
  ].join("\n");
}

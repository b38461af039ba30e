/** `tributary node budget`: what was spent, what is reserved, what is left; by kind, by period, and by home where the budget is shared. */
import { type NodeBudget, nodeBudget } from "@tributary/client";
import { isTributaryError } from "@tributary/errors";
import type { Command } from "commander";
import { jsonOption } from "../../options.ts";
import { print, prose, table } from "../../output.ts";

export function addBudget(node: Command): void {
  node
    .command("budget")
    .description("what ε this node's customers have spent, what is reserved, and what is left")
    .requiredOption("--home <folder>", "the node's folder")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node budget --home shop")
    .action(async (options: { home: string; json?: boolean }) => {
      const budget = await nodeBudget({ home: options.home }).catch((error: unknown) => {
        if (isTributaryError(error) && error.code === "TRB_NODE_NOT_JOINED") return undefined;
        throw error;
      });
      if (budget !== undefined) print(options.json, budget, () => budgetLines(budget));
      else print(options.json, notJoined, () => prose(notJoinedLines(options.home)));
    });
}

/** Before joining: nothing can have been spent, and how much may be is not decided yet. */
const notJoined = { joined: false, spent: 0, limit: null, left: null, byKind: [] };

const notJoinedLines = (home: string) => [
  `${home} has joined no federation: nothing was spent, ε 0.`,
  "Joining sets the limit to the plan's own ε and charges nothing; `tributary node policy --epsilon …` lowers it then.",
  "What a plan would cost is said by `tributary plan explain plan.json`, and after joining by `tributary node check`.",
];

/** Rounded to four digits, up: nothing that was spent is understated. */
function spent(epsilon: number): string {
  if (epsilon === 0 || !Number.isFinite(epsilon)) return String(epsilon);
  const unit = 10 ** (Math.floor(Math.log10(epsilon)) - 3);
  return String(Number((Math.ceil(epsilon / unit - 1e-9) * unit).toPrecision(4)));
}

/** Rounded to four digits, down. */
function left(epsilon: number): string {
  if (epsilon === 0 || !Number.isFinite(epsilon)) return String(epsilon);
  const unit = 10 ** (Math.floor(Math.log10(epsilon)) - 3);
  return String(Number((Math.floor(epsilon / unit + 1e-9) * unit).toPrecision(4)));
}

/** At most 76 columns, but for the names of federations and files. */
export function budgetLines(budget: NodeBudget): string[] {
  const { period, reserved } = budget;
  return [
    `ε at δ ${budget.delta}, limit ${budget.limit}${period === null ? "" : ` in any ${period.days} days`}`,
    "",
    ...table([
      ["", "spent", "reserved", "left", "rounds"],
      ...(period === null
        ? []
        : [[`last ${period.days} days`, spent(period.spent), "", left(period.left), `${period.rounds}`]]),
      [
        "all time",
        spent(budget.spent),
        spent(reserved.epsilon),
        period === null ? left(budget.left) : "",
        `${budget.byKind.reduce((sum, { charged }) => sum + charged, 0)}, ${budget.roundsLeft} to come`,
      ],
    ]),
    ...(period?.nextLeaves ? ["", `The next round leaves the period on ${period.nextLeaves}.`] : []),
    "",
    ...table([
      ["kind", "ε alone", "paid", "reserved", "refunded", "to come"],
      ...budget.byKind.map((row) => [
        ...[row.kind, spent(row.epsilon), `${row.charged - row.open}`],
        ...[`${row.open}`, `${row.refunded}`, `${row.left}`],
      ]),
    ]),
    ...budget.selections.map(
      ({ epsilon, chargedAt, inPlan }) =>
        `selection of a catalogue, ${chargedAt}: ε ${spent(epsilon)}, ${inPlan ? "part of the plan's" : "beside the plan"}`,
    ),
    ...sharedLines(budget.shared),
  ];
}

function sharedLines(shared: NodeBudget["shared"]): string[] {
  if (shared === null) return [];
  if ("error" in shared) return ["", `shared  ${shared.error.code}  ${shared.error.message}`, `  ${shared.error.advice}`];
  const within = shared.periodDays === null ? "" : ` in any ${shared.periodDays} days`;
  return [
    "",
    `shared by ${shared.homes.length} homes: ${shared.file}`,
    `limit ${shared.limit} at δ ${shared.delta}${within}, of ${shared.owner}`,
    "",
    ...table([
      ["", "spent", "all time", "reserved", "left", "rounds"],
      [
        ...["together", spent(shared.spent), spent(shared.lifetime), spent(shared.reserved.epsilon), left(shared.left)],
        `${shared.homes.reduce((sum, { rounds }) => sum + rounds, 0)}`,
      ],
      ...shared.homes.map((home) => [
        `${home.federation}/${home.node}${home.own ? " (here)" : ""}`,
        ...[spent(home.spent), spent(home.lifetime), `${home.reserved} rounds`, "", `${home.rounds}`],
      ]),
      ...shared.byKind.map((row) => [row.kind, spent(row.spent), "", `${row.reserved} rounds`, "", `${row.rounds}`]),
    ]),
  ];
}

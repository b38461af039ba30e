/** `tributary node policy`, `pause` and `resume`: what the merchant permits, by flags that are each checked before anything is written. */
import { resolve } from "node:path";
import { changePolicy, type Policy, type PolicyChange, pauseNode, resumeNode } from "@tributary/client";
import { fail } from "@tributary/errors";
import { modelSchema, releaseSchema } from "@tributary/protocol";
import { type Command, Option } from "commander";
import { deltaOption, epsilonOption, integerOption, jsonOption, listOf, minCohortOption } from "../../options.ts";
import { print, table } from "../../output.ts";

const homeFlags = ["--home <folder>", "the node's folder"] as const;

const badOption = (option: string, value: string, expected: string) =>
  fail("TRB_CLI_BAD_OPTION", { option, value: value.slice(0, 80) || "empty", expected });

/** Some of these names, in their usual order. */
function someOf<Name extends string>(flags: string, option: string, what: string, names: readonly Name[]): Option {
  const read = listOf(option, names);
  return new Option(flags, `${what}: ${names.join()}`).argParser((text: string) => {
    const given = read(text);
    return names.filter((name) => given.includes(name));
  });
}

/** A whole number of days, or a word for no limit: null. */
function daysOption(flags: string, option: string, what: string, none: string): Option {
  return new Option(flags, `${what}, or ${none}`).argParser((text: string): number | null => {
    const days = Number(text);
    if (text === none) return null;
    if (Number.isInteger(days) && days >= 1 && text.trim() !== "") return days;
    throw badOption(option, text, `a whole number of days of at least 1, or ${none}`);
  });
}

/** `22:00-06:00`; `any`: null. */
const hoursOption = () =>
  new Option("--hours <from-to>", "when offers are answered, such as 22:00-06:00, or any").argParser((text: string) => {
    if (text === "any") return null;
    const [from, to, ...others] = text.split("-").map((part) => part.trim());
    if (from !== undefined && to !== undefined && others.length === 0) return { from, to };
    throw badOption("--hours", text, "two times of day such as 22:00-06:00, or any");
  });

interface PolicyOptions {
  readonly home: string;
  readonly epsilon?: number;
  readonly delta?: number;
  readonly minCohort?: number;
  readonly permit?: Policy["permittedReleases"];
  readonly families?: NonNullable<Policy["permittedFamilies"]>;
  readonly retentionDays?: number | null;
  readonly serveMode?: Policy["serve"]["mode"];
  readonly serveMinSupport?: number;
  readonly hours?: { readonly from: string; readonly to: string } | null;
  readonly timeZone?: string;
  readonly periodDays?: number | null;
  readonly budgetFile?: string;
  readonly acceptLogCatalogue?: boolean;
  readonly json?: boolean;
}

/** Only what was given. */
function changesOf(options: PolicyOptions): PolicyChange {
  const { epsilon, hours, timeZone, budgetFile } = options;
  const given = {
    maxEpsilon: epsilon,
    delta: options.delta,
    minCohort: options.minCohort,
    permittedReleases: options.permit,
    permittedFamilies: options.families,
    retentionDays: options.retentionDays,
    acceptLogCatalogue: options.acceptLogCatalogue,
    serve: defined({ mode: options.serveMode, minSupport: options.serveMinSupport }),
    budget: defined({
      periodDays: options.periodDays,
      file: budgetFile === undefined ? undefined : budgetFile === "none" ? null : resolve(budgetFile),
    }),
    trainingHours: hours && { ...hours, timeZone: timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone },
  };
  if (timeZone !== undefined && !hours) throw badOption("--time-zone", timeZone, "--hours beside it");
  return defined(given);
}

type Defined<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without the fields that are undefined. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}

export function addPolicy(node: Command): void {
  const kinds = releaseSchema.shape.kind.options;
  const families = modelSchema.shape.family.options;
  node
    .command("policy")
    .description("show or change what this node accepts; a running node reads it at the next offer")
    .requiredOption(...homeFlags)
    .addOption(epsilonOption())
    .addOption(deltaOption())
    .addOption(minCohortOption())
    .addOption(someOf("--permit <kinds>", "--permit", "kinds of release that this node takes part in, and no others", kinds))
    .addOption(someOf("--families <names>", "--families", "families of models that it trains, and no others", families))
    .addOption(daysOption("--retention-days <days>", "--retention-days", "how long an event is kept", "none"))
    .addOption(new Option("--serve-mode <mode>", "how `node serve` may serve at most").choices(["inHouse", "releasedOnly"]))
    .addOption(integerOption("--serve-min-support <customers>", "fewest customers behind an exact own pair", 1))
    .addOption(hoursOption())
    .option("--time-zone <name>", "of --hours, such as Europe/Berlin (default: this machine's)")
    .addOption(daysOption("--period-days <days>", "--period-days", "what --epsilon is a limit of: any so many days", "none"))
    .option("--budget-file <file>", "a budget that several homes share, made where there is none; or none")
    .option("--accept-log-catalogue", "accept a catalogue made from behaviour (demonstrations only)")
    .option("--no-accept-log-catalogue", "refuse such a catalogue")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary node policy --home shop --epsilon 4 --period-days 30 --hours 22:00-06:00 --time-zone Europe/Berlin\n\nTwo federations, one budget:\n  tributary node policy --home shop-a --budget-file budget.sqlite\n  tributary node policy --home shop-b --budget-file budget.sqlite",
    )
    .action(async (options: PolicyOptions) => {
      const policy = await changePolicy({ home: options.home, ...changesOf(options) });
      print(options.json, policy, () => policyLines(policy));
    });

  node
    .command("pause")
    .description("answer no offers from the next one on; the round under way is finished")
    .requiredOption(...homeFlags)
    .option("--until <time>", "when it ends by itself: 2026-12-24T08:00, or after a while such as 90m, 12h, 3d")
    .option("--reason <text>", "for the node's own log; nobody else is told")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node pause --home shop --until 12h --reason stocktaking")
    .action(async (options: { home: string; until?: string; reason?: string; json?: boolean }) => {
      const { home, until, reason } = options;
      const policy = await pauseNode({
        home,
        ...(until === undefined ? {} : { until: momentOf(until, new Date()) }),
        ...(reason === undefined ? {} : { reason }),
      });
      print(options.json, policy, () => [`paused ${untilWords(policy)}`]);
    });

  node
    .command("resume")
    .description("answer offers again")
    .requiredOption(...homeFlags)
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node resume --home shop")
    .action(async (options: { home: string; json?: boolean }) => {
      const policy = await resumeNode({ home: options.home });
      print(options.json, policy, () => ["offers are answered again"]);
    });
}

const lengths: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** ISO 8601 of a moment, or of one after a while. Times without a zone are this machine's. */
function momentOf(text: string, now: Date): string {
  const [, count = "", unit = ""] = /^(\d+)([mhd])$/.exec(text) ?? [];
  const time = count === "" ? Date.parse(text) : now.getTime() + Number(count) * (lengths[unit] ?? 0);
  if (time > now.getTime() && time < 8.64e15) return new Date(time).toISOString();
  throw badOption("--until", text, "a moment to come such as 2026-12-24T08:00, or a while such as 90m, 12h, 3d");
}

const untilWords = ({ paused }: Policy) => (paused?.until ? `until ${paused.until}` : "until `tributary node resume`");

function policyLines(policy: Policy): string[] {
  const { budget, serve, trainingHours: hours, paused } = policy;
  const all = (names: readonly string[]) => (names.length === 0 ? "none" : names.join(", "));
  return table([
    ["maxEpsilon", `${policy.maxEpsilon} at δ ${policy.delta}`],
    ["budget.periodDays", budget.periodDays === null ? "for ever" : `any ${budget.periodDays} days`],
    ["budget.file", budget.file ?? "not shared"],
    ["minCohort", String(policy.minCohort)],
    ["permittedReleases", all(policy.permittedReleases)],
    ["permittedFamilies", policy.permittedFamilies === null ? "the joined plan's" : all(policy.permittedFamilies)],
    ["trainingHours", hours === null ? "any" : `${hours.from} to ${hours.to}, ${hours.timeZone}`],
    ["paused", paused === null ? "no" : `${untilWords(policy)}${paused.reason === null ? "" : `: ${paused.reason}`}`],
    ["retentionDays", policy.retentionDays === null ? "for good" : String(policy.retentionDays)],
    ["serve", `${serve.mode}, pairs of at least ${serve.minSupport} customers`],
    ["extensions", `${policy.extensions.length}`],
    ["trustedPeers", `${policy.trustedPeers.length}`],
    ["acceptLogCatalogue", policy.acceptLogCatalogue ? "yes" : "no"],
  ]);
}

/** `tributary init`: a few questions, and from the answers the first files and commands. Whatever it asks can be answered by a flag. */
import { existsSync } from "node:fs";
import { fail } from "@tributary/errors";
import { type PlanLanguage, planLanguages } from "@tributary/protocol";
import { Command, Option } from "commander";
import { contradicted, readConfigurationFile } from "../init/configuration-file.ts";
import { type LookingAnswers, lookingConfiguration, lookingQuestions, settleLooking } from "../init/looking.ts";
import {
  type MerchantAnswers,
  merchantConfiguration,
  merchantQuestions,
  type Outcome,
  settleMerchant,
} from "../init/merchant.ts";
import {
  type PlatformAnswers,
  platformConfiguration,
  platformQuestions,
  type Reach,
  settledNumbers,
  settlePlatform,
} from "../init/platform.ts";
import { type Answering, answered } from "../init/questions.ts";
import { type Screen, screenOn } from "../init/screen.ts";
import { type InitWords, initWords, languageOf } from "../init/words.ts";
import { deltaOption, epsilonOption, integerOption, jsonOption, merchantsOption } from "../options.ts";
import { print, prose } from "../output.ts";

type Role = "merchant" | "platform" | "look";

export interface InitFlags extends Partial<Omit<MerchantAnswers, "invite"> & PlatformAnswers> {
  readonly as?: Role;
  readonly invite?: string;
  readonly wait?: boolean;
  readonly try?: LookingAnswers["what"];
  readonly reach?: Reach;
  readonly yes?: boolean;
  readonly language?: PlanLanguage;
  readonly json?: boolean;
}

/** What whoever is just looking wants to see: another command, so the whole tree is read. */
const runOther = async (words: readonly string[]) =>
  (await import("../program.ts")).program().parseAsync([...words], { from: "user" });

export function initCommand(): Command {
  return new Command("init")
    .description(
      "questions for a merchant, a platform, or whoever is just looking; writes the first files, prints the first commands",
    )
    .addOption(new Option("--as <who>", "who you are").choices(["merchant", "platform", "look"]))
    .option("--yes", "take what is usual for whatever is not given, and ask nothing")
    .addOption(new Option("--language <language>", "of the questions (default: the environment's)").choices([...planLanguages]))
    .option("--home <folder>", "merchant, platform: where keys and state are kept (usual: shop, platform)")
    .addOption(epsilonOption().helpGroup("A merchant's answers:"))
    .optionsGroup("A merchant's answers:")
    .option("--invite <text>", "what the platform's `coordinator invite` printed")
    .option("--wait", "there is no invite yet")
    .option("--log <file>", "the behaviour log (look: your own, in place of a made-up market)")
    .option("--columns <list>", "its columns, where they can't be guessed: customer=NAME,item=NAME,action=NAME,time=NAME")
    .option("--hours <from-to>", "when rounds may come, such as 22:00-06:00 (usual: any)")
    .addOption(integerOption("--retention-days <days>", "how long events are kept; 0: for good (usual)", 0))
    .optionsGroup("A platform's answers:")
    .option("--federation <name>", "the federation's name")
    .option("--catalogue <file>", "catalogue JSONL, the public list of items")
    .addOption(integerOption("--customers <n>", "how many customers there are at least, over all merchants", 2))
    .addOption(merchantsOption("how many merchants take part"))
    .addOption(deltaOption())
    .option("--out <file>", "where the plan is written (usual: plan.json)")
    .addOption(
      new Option("--reach <how>", "from where merchants reach it (usual: here, this machine)").choices([
        "here",
        "tls",
        "proxy",
      ]),
    )
    .option("--tls-cert <file>", "the coordinator's certificate (PEM)")
    .option("--tls-key <file>", "its private key (PEM)")
    .option("--url <url>", "the address under which merchants reach it")
    .option("--operator <name>", "who gets the first account")
    .optionsGroup("Just looking:")
    .addOption(new Option("--try <what>", "what to see (usual: demo)").choices(["demo", "simulate"]))
    .optionsGroup("Options:")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary init\n\nWithout questions:\n  tributary init --as merchant --invite INVITE --home shop --log shop.csv --yes\n  tributary init --as platform --federation bookshops --catalogue catalogue.jsonl --customers 3000 --merchants 3 --yes\n  tributary init --as look --log shop.csv --yes --json",
    )
    .action(async (flags: InitFlags) => {
      const interactive = process.stdin.isTTY === true && process.stderr.isTTY === true && flags.yes !== true;
      await initialise(flags, interactive ? screenOn(process.stdin, process.stderr) : undefined, runOther);
    });
}

/**
 * @param screen undefined where nobody can be asked
 * @throws TRB_CLI_INIT_UNANSWERED, TRB_CLI_STOPPED, and what the answers lead to
 */
export async function initialise(
  flags: InitFlags,
  screen: Screen | undefined,
  run: (words: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const language = flags.language ?? languageOf(process.env);
  const words = initWords[language];
  const answering: Answering = { screen, yes: flags.yes === true };
  screen?.begin(words.title);
  const role = flags.as ?? (await askRole(words, screen));
  const outcome = await settled(role, flags, words, language, answering);
  print(flags.json, { as: role, ...outcome.document, files: outcome.files, next: outcome.commands }, () => [
    ...prose([...outcome.lines, ...(outcome.files.length === 0 ? [] : [words.wrote(outcome.files.join(", "))])]),
    "",
    `${words.next}:`,
    ...outcome.commands.map((command) => `  ${command}`),
  ]);
  if (screen === undefined || role !== "look" || flags.json) return;
  if (!(await screen.confirm(words.runNow, true))) return;
  await run(outcome.commands[0]?.split(" ").slice(1) ?? []);
}

async function askRole(words: InitWords, screen: Screen | undefined): Promise<Role> {
  if (screen === undefined) throw fail("TRB_CLI_INIT_UNANSWERED", { flags: "--as merchant, platform or look" });
  return screen.choose<Role>(words.who, [
    { value: "merchant", label: words.merchant, hint: words.merchantHint },
    { value: "platform", label: words.platform, hint: words.platformHint },
    { value: "look", label: words.look, hint: words.lookHint },
  ]);
}

/** All answers first; from then on Ctrl-C waits until everything that belongs together is written. */
async function settled(
  role: Role,
  flags: InitFlags,
  words: InitWords,
  language: PlanLanguage,
  answering: Answering,
): Promise<Outcome> {
  const { screen, yes } = answering;
  const agreed = async (added: Parameters<typeof contradicted>[1]) => {
    const others = contradicted(readConfigurationFile(), added);
    if (others.length === 0 || yes) return;
    if (screen === undefined)
      throw fail("TRB_CLI_INIT_UNANSWERED", { flags: `--yes, to replace in tributary.config.json: ${others.join("; ")}` });
    screen.note("tributary.config.json", others);
    if (!(await screen.confirm(words.replace, false)))
      throw fail("TRB_CLI_STOPPED", { command: "tributary init", kept: "nothing was written" });
  };
  if (role === "merchant") {
    const invite = flags.wait === true ? "" : flags.invite;
    const given = {
      ...only(flags, ["home", "log", "columns", "epsilon", "hours", "retentionDays"]),
      ...(invite === undefined ? {} : { invite }),
    };
    requireFiles(given.log);
    const answers = { columns: "", ...(await answered(merchantQuestions(words), given, answering)) } as MerchantAnswers;
    await agreed(merchantConfiguration(answers));
    return undisturbed(() => settleMerchant(answers, words, language));
  }
  if (role === "platform") {
    const names = [
      "home",
      "federation",
      "catalogue",
      "customers",
      "merchants",
      "epsilon",
      "delta",
      "out",
      "reach",
      "tlsCert",
      "tlsKey",
      "url",
      "operator",
    ] as const;
    const asked = (await answered(platformQuestions(words), only(flags, names), answering)) as PlatformAnswers;
    const answers = await settledNumbers(asked, words, language, screen);
    await agreed(platformConfiguration(answers));
    return undisturbed(() => settlePlatform(answers, words));
  }
  const given = { ...only(flags, ["log", "columns"]), ...(flags.try === undefined ? {} : { what: flags.try }) };
  requireFiles(given.log);
  const answers = { columns: "", ...(await answered(lookingQuestions(words), given, answering)) } as LookingAnswers;
  await agreed(lookingConfiguration(answers));
  return undisturbed(async () => settleLooking(answers, words));
}

function requireFiles(...files: readonly (string | undefined)[]): void {
  for (const path of files)
    if (path !== undefined && path !== "" && !existsSync(path)) throw fail("TRB_CLI_FILE_NOT_FOUND", { path });
}

/** The flags of these names that were given. */
function only<Flags extends object, Name extends keyof Flags>(
  flags: Flags,
  names: readonly Name[],
): Partial<Pick<Flags, Name>> {
  return Object.fromEntries(names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]]))) as Partial<
    Pick<Flags, Name>
  >;
}

/** Writing takes a moment, and is not left halfway. */
async function undisturbed(work: () => Promise<Outcome>): Promise<Outcome> {
  const wait = () => {};
  process.on("SIGINT", wait);
  try {
    return await work();
  } finally {
    process.off("SIGINT", wait);
  }
}

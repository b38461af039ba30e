/** `init`, for a platform: a plan that the linter accepts, and how its coordinator is started. */
import { existsSync, rmSync } from "node:fs";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { type Catalogue, readCatalogue } from "@tributary/events";
import { trainedCount } from "@tributary/model";
import {
  explainPlan,
  federationName,
  type IdentityKey,
  inviteSchema,
  lintPlan,
  operatorName,
  type PlanLanguage,
  toHex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { Command } from "commander";
import { addNew, choosePlan, type NewOptions, planOf, written } from "../commands/plan/new.ts";
import { osRandomSource } from "../random.ts";
import { addToConfigurationFile, type Configuration, forCommands } from "./configuration-file.ts";
import { type Outcome, quoted } from "./merchant.ts";
import type { Questions } from "./questions.ts";
import type { Screen } from "./screen.ts";
import type { InitWords } from "./words.ts";

/** How merchants reach the coordinator. */
const reaches = ["here", "tls", "proxy"] as const;
export type Reach = (typeof reaches)[number];

export interface PlatformAnswers {
  readonly home: string;
  readonly federation: string;
  readonly catalogue: string;
  readonly customers: number;
  readonly merchants: number;
  readonly epsilon: number;
  readonly delta: number;
  readonly out: string;
  readonly reach: Reach;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly url: string;
  /** Empty: nobody. */
  readonly operator: string;
}

const port = 7443;
const commands = ["start", "invite", "roster", "status", "backup", "operator add", "operator list"].map(
  (verb) => `coordinator ${verb}`,
);

export function platformQuestions(words: InitWords): Questions<PlatformAnswers> {
  const numeric = (least: number) => (text: string) =>
    Number.isSafeInteger(Number(text)) && Number(text) >= least ? undefined : words.wholeNumber(least);
  const file = (text: string) => (existsSync(text) ? undefined : words.noFile);
  const usesTls = ({ reach }: Partial<PlatformAnswers>) => reach === "tls";
  return {
    home: { flag: "--home FOLDER", usual: () => "platform", ask: (screen) => screen.text(words.platformHome, "platform") },
    federation: {
      flag: "--federation NAME",
      ask: (screen) =>
        screen.text(words.federation, "", (text) => (federationName.safeParse(text).success ? undefined : words.badName)),
    },
    catalogue: { flag: "--catalogue FILE", ask: (screen) => screen.text(words.catalogue, "", file) },
    customers: { flag: "--customers N", ask: async (screen) => Number(await screen.text(words.customers, "", numeric(2))) },
    merchants: { flag: "--merchants N", ask: async (screen) => Number(await screen.text(words.merchants, "", numeric(3))) },
    epsilon: { flag: "--epsilon ε", usual: () => 8, ask: (screen) => askEpsilon(screen, words) },
    delta: {
      flag: "--delta δ",
      usual: ({ customers = 1 }) => usualDelta(customers),
      ask: async (screen, { customers = 1 }) => Number(await askDelta(screen, words, customers)),
    },
    out: { flag: "--out FILE", usual: () => "plan.json", ask: (screen) => screen.text(words.out, "plan.json") },
    reach: {
      flag: "--reach here, tls or proxy",
      usual: ({ tlsCert, tlsKey }) => (tlsCert !== undefined && tlsKey !== undefined ? "tls" : "here"),
      ask: (screen) =>
        screen.choose(
          words.reach,
          reaches.map((value) => ({ value, label: words[value] })),
        ),
    },
    tlsCert: { flag: "--tls-cert FILE", applies: usesTls, ask: (screen) => screen.text(words.cert, "", file) },
    tlsKey: { flag: "--tls-key FILE", applies: usesTls, ask: (screen) => screen.text(words.key, "", file) },
    url: {
      flag: "--url URL",
      applies: ({ reach }) => reach === "tls" || reach === "proxy",
      ask: (screen) =>
        screen.text(words.url, "https://", (text) =>
          inviteSchema.shape.url.safeParse(text).success ? undefined : words.badUrl,
        ),
    },
    operator: {
      flag: "--operator NAME",
      usual: () => "",
      ask: (screen) =>
        screen.text(words.operator, "", (text) =>
          text === "" || operatorName.safeParse(text).success ? undefined : words.badOperator,
        ),
    },
  };
}

const askEpsilon = (screen: Screen, words: InitWords): Promise<number> =>
  screen.choose(
    words.planEpsilon,
    [1, 2, 4, 8].map((value) => ({ value, label: words.epsilon(value), hint: words.epsilonHint[value] ?? "" })),
    8,
  );

/** A power of ten, at least ten times below 1/customers. */
const usualDelta = (customers: number) => Math.min(1e-6, 10 ** -(Math.floor(Math.log10(customers)) + 2));

const askDelta = (screen: Screen, words: InitWords, customers: number) =>
  screen.text(words.delta, String(usualDelta(customers)), (text) =>
    Number(text) > 0 && Number(text) < 1 / customers ? undefined : words.badDelta(customers),
  );

export const platformConfiguration = ({ home, ...answers }: PlatformAnswers): Configuration => ({
  ...forCommands(commands, { home }),
  "coordinator start": {
    home,
    ...(answers.reach === "here" ? {} : { host: answers.reach === "tls" ? "0.0.0.0" : "127.0.0.1" }),
    port,
    ...(answers.reach === "tls" ? { tlsCert: answers.tlsCert, tlsKey: answers.tlsKey } : {}),
    ...(answers.reach === "proxy" ? { trustProxy: "127.0.0.1" } : {}),
  },
});

/** The numbers of the plan, asked again until the linter has nothing to say; without a screen the first thing that it says is thrown. */
export async function settledNumbers(
  answers: PlatformAnswers,
  words: InitWords,
  language: PlanLanguage,
  screen: Screen | undefined,
): Promise<PlatformAnswers> {
  const catalogue = await readCatalogue(answers.catalogue);
  let settled = answers;
  for (;;) {
    const refusals = await drafted(settled, catalogue, words, language, screen);
    const [first] = refusals;
    if (first === undefined) {
      if (screen === undefined || (await screen.confirm(words.planGood, true))) return settled;
    } else if (screen === undefined) throw first;
    else
      screen.note(
        words.planRefused,
        refusals.flatMap(({ code, message, advice }) => [`${code}  ${message}`, `  ${advice}`]),
      );
    if (screen !== undefined) settled = { ...settled, ...(await changed(settled, words, screen)) };
  }
}

/** Shows the plan that the answers lead to, if any. @returns what is against it */
async function drafted(
  answers: PlatformAnswers,
  catalogue: Catalogue,
  words: InitWords,
  language: PlanLanguage,
  screen: Screen | undefined,
): Promise<TributaryError[]> {
  try {
    const { plan: numbers, why, warnings } = await choosePlan(optionsOf(answers), catalogue);
    const plan = planOf(optionsOf(answers), numbers, catalogue, passingKey());
    const findings = lintPlan(plan, { parameterCount: trainedCount(plan.model, plan.trained) });
    if (findings.length === 0)
      screen?.note(words.planWouldBe, [
        ...explainPlan(plan, language).slice(0, 6),
        "",
        ...why,
        ...warnings.map((text) => `⚠ ${text}`),
      ]);
    return findings.map(({ code, details }) => fail(code, details));
  } catch (error) {
    if (isTributaryError(error)) return [error];
    throw error;
  }
}

async function changed(answers: PlatformAnswers, words: InitWords, screen: Screen): Promise<Partial<PlatformAnswers>> {
  const names = ["epsilon", "customers", "merchants", "delta"] as const;
  const which = await screen.choose(
    words.change,
    names.map((value) => ({ value, label: words.change_[value] })),
  );
  return { [which]: await platformQuestions(words)[which].ask(screen, answers) };
}

/** A coordinator's key for a plan that nobody will sign: the real one is made with its home, when everything is decided. */
function passingKey(): IdentityKey {
  const secret = new Uint8Array(32);
  osRandomSource().fill(secret);
  return toHex(nodeCrypto().signingPublicKey(secret)) as IdentityKey;
}

/** As `plan new` has them where nothing else is said. */
function optionsOf({ home, federation, catalogue, customers, merchants, epsilon, delta, out }: PlatformAnswers): NewOptions {
  const parent = new Command();
  addNew(parent);
  const usual = parent.commands[0]?.opts<NewOptions>();
  return { ...(usual as NewOptions), home, federation, catalogue, customers, merchants, epsilon, delta, out };
}

/** All of it, or nothing that was not there before: a key that nobody has seen binds nobody. */
async function writtenTogether<Written>({ home, out }: PlatformAnswers, write: () => Promise<Written>): Promise<Written> {
  const made = [home, out].filter((path) => !existsSync(path));
  try {
    return await write();
  } catch (error) {
    for (const path of made) rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

export async function settlePlatform(answers: PlatformAnswers, words: InitWords): Promise<Outcome> {
  const { home, catalogue, out, reach, operator, merchants } = answers;
  const before = existsSync(home);
  const read = await readCatalogue(catalogue);
  const options = optionsOf(answers);
  const { plan: numbers, why, warnings } = await choosePlan(options, read);
  const { planHash, file } = await writtenTogether(answers, async () => ({
    planHash: (await written(options, numbers, read)).planHash,
    file: addToConfigurationFile(platformConfiguration(answers)),
  }));
  const url = reach === "here" ? `http://127.0.0.1:${port}` : answers.url;
  const accounts = operator === "" ? [] : [`tributary coordinator operator add --name ${operator} --role operator`];
  return {
    files: [...(before ? [] : [home]), out, file],
    commands: [
      `tributary plan explain ${quoted(out)}`,
      `tributary coordinator start --plan ${quoted(out)} --catalogue ${quoted(catalogue)} --start-when ${merchants}`,
      ...accounts,
      `tributary coordinator invite --node shop-1 --url ${url}`,
      "tributary coordinator status",
    ],
    lines: [...why.map((reason) => `• ${reason}`), ...warnings.map((text) => `⚠ ${text}`), words.configuration(file)],
    document: { home, plan: out, planHash, why, warnings },
  };
}

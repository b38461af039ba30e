/** `init`, for a merchant: joins by an invite or prepares for one, and writes down what the merchant permits. */
import { existsSync } from "node:fs";
import { changePolicy, checkNode, type Joined, joinFederation, type PolicyChange } from "@tributary/client";
import { isTributaryError } from "@tributary/errors";
import { decodeInvite, type PlanLanguage } from "@tributary/protocol";
import { addToConfigurationFile, type Configuration, forCommands } from "./configuration-file.ts";
import { importFlags, type LogAnswers, logQuestions } from "./log.ts";
import type { Questions } from "./questions.ts";
import type { InitWords } from "./words.ts";

export interface MerchantAnswers extends LogAnswers {
  readonly home: string;
  /** Empty: there is none yet. */
  readonly invite: string;
  /** 0: whatever the plan says. */
  readonly epsilon: number;
  readonly hours: string;
  /** 0: for good. */
  readonly retentionDays: number;
}

/** What has a --home of a node. */
const commands = ["import", "trust", "check", "start", "budget", "policy", "pause", "resume", "report", "predict", "serve"].map(
  (verb) => `node ${verb}`,
);

const epsilons = [1, 2, 4, 8] as const;

export function merchantQuestions(words: InitWords): Questions<MerchantAnswers> {
  const { log, columns } = logQuestions<MerchantAnswers>(words, words.log);
  return {
    home: { flag: "--home FOLDER", usual: () => "shop", ask: (screen) => screen.text(words.home, "shop") },
    invite: {
      flag: "--invite TEXT or --wait",
      usual: () => "",
      ask: async (screen) => {
        const choices = [
          { value: "now", label: words.joinNow },
          { value: "later", label: words.joinLater },
        ] as const;
        if ((await screen.choose(words.joining, choices)) === "later") return "";
        const text = await screen.secret(words.invite, refused);
        const { node, federation, url, fingerprint } = decodeInvite(text);
        screen.note(federation, words.inviteIs(node, federation, url, fingerprint));
        return text;
      },
    },
    log,
    columns,
    epsilon: {
      flag: "--epsilon ε",
      usual: () => 0,
      ask: (screen) =>
        screen.choose(words.policyEpsilon, [
          { value: 0, label: words.asThePlan },
          ...epsilons.map((value) => ({ value, label: words.epsilon(value), hint: words.epsilonHint[value] ?? "" })),
        ]),
    },
    hours: {
      flag: "--hours FROM-TO",
      usual: () => "any",
      ask: (screen) =>
        screen.choose(words.hours, [
          { value: "any", label: words.anyTime },
          { value: "22:00-06:00", label: words.night },
        ]),
    },
    retentionDays: {
      flag: "--retention-days DAYS",
      usual: () => 0,
      ask: (screen) =>
        screen.choose(words.retention, [
          { value: 0, label: words.forGood },
          { value: 365, label: words.aYear },
          { value: 730, label: words.twoYears },
        ]),
    },
  };
}

/** Why an invite is none, in the error's own words. */
function refused(text: string): string | undefined {
  try {
    decodeInvite(text);
    return undefined;
  } catch (error) {
    if (isTributaryError(error)) return `${error.message} ${error.advice}`;
    throw error;
  }
}

export const merchantConfiguration = ({ home }: Pick<MerchantAnswers, "home">): Configuration =>
  forCommands(commands, { home });

/** What of the answers changes the policy that joining writes. */
function policyOf({ epsilon, hours, retentionDays }: MerchantAnswers): PolicyChange {
  const [from, to] = hours.split("-");
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return {
    ...(epsilon === 0 ? {} : { maxEpsilon: epsilon }),
    ...(hours === "any" || from === undefined || to === undefined ? {} : { trainingHours: { from, to, timeZone } }),
    ...(retentionDays === 0 ? {} : { retentionDays }),
  };
}

export interface Outcome {
  readonly files: readonly string[];
  /** What to run next, in order. */
  readonly commands: readonly string[];
  readonly lines: readonly string[];
  readonly document: Readonly<Record<string, unknown>>;
}

/** Joining comes first: it can be repeated with the same invite, whatever happens after it. @throws what `joinFederation` and `changePolicy` refuse */
export async function settleMerchant(answers: MerchantAnswers, words: InitWords, language: PlanLanguage): Promise<Outcome> {
  const { home, invite, log, columns } = answers;
  const importing =
    log === ""
      ? "tributary node import LOG.csv --dry-run"
      : `tributary node import ${quoted(log)} ${await importFlags(log, columns)}`;
  const policy = policyOf(answers);
  if (invite === "") {
    const file = addToConfigurationFile(merchantConfiguration(answers));
    const asked = policyCommand(answers);
    return {
      files: [file],
      commands: [
        `tributary node join INVITE --home ${quoted(home)}`,
        ...asked,
        "tributary node trust PEER_FINGERPRINT …",
        importing,
        "tributary node check",
        "tributary node start",
      ],
      lines: [words.wait, words.configuration(file)],
      document: { home, joined: null },
    };
  }
  const before = existsSync(home);
  const joined = await joinFederation({ invite, home, language });
  if (Object.keys(policy).length > 0) await changePolicy({ home, ...policy });
  const check = await checkNode({ home, language });
  const file = addToConfigurationFile(merchantConfiguration(answers));
  return {
    files: [...(before ? [] : [home]), file],
    commands: ["tributary node trust PEER_FINGERPRINT …", importing, "tributary node check", "tributary node start"],
    lines: [
      ...joinedLines(joined, words),
      check.accepted ? words.wouldTakePart : words.wouldRefuse,
      ...check.findings.map(({ code, message }) => `  ${code}  ${message}`),
      words.configuration(file),
    ],
    document: { home, joined, accepted: check.accepted, findings: check.findings },
  };
}

const joinedLines = ({ federation, node, fingerprint, coordinatorFingerprint, customers }: Joined, words: InitWords) => [
  `${words.joined}: ${federation}, ${node}`,
  `  own key fingerprint  ${fingerprint}`,
  `  coordinator          ${coordinatorFingerprint}`,
  "",
  customers.paragraph,
  "",
];

/** The answers on policy, for whoever has no home yet to write them into. */
function policyCommand({ epsilon, hours, retentionDays }: MerchantAnswers): string[] {
  const flags = [
    ...(epsilon === 0 ? [] : [`--epsilon ${epsilon}`]),
    ...(hours === "any" ? [] : [`--hours ${hours}`]),
    ...(retentionDays === 0 ? [] : [`--retention-days ${retentionDays}`]),
  ];
  return flags.length === 0 ? [] : [`tributary node policy ${flags.join(" ")}`];
}

/** As a shell takes it for one word. */
export const quoted = (text: string) => (/^[\w=,.:/@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** `tributary node …`: the merchant's side. */
import {
  acceptExtension,
  checkNode,
  joinFederation,
  type RosterNews,
  recoverNode,
  startNode,
  trustPeers,
} from "@tributary/client";
import type { PlanLanguage } from "@tributary/protocol";
import { Command } from "commander";
import { languageOption } from "../language-option.ts";
import { integerOption, jsonOption } from "../options.ts";
import { print, printLine, prose } from "../output.ts";
import { untilStopped } from "../running.ts";
import { addBudget } from "./node/budget.ts";
import { addCatalogue } from "./node/catalogue.ts";
import { addDeclare } from "./node/declare.ts";
import { addForget } from "./node/forget.ts";
import { addHoldout } from "./node/holdout.ts";
import { addImport } from "./node/import.ts";
import { addPage } from "./node/page.ts";
import { addPersonalise } from "./node/personalise.ts";
import { addPolicy } from "./node/policy.ts";
import { addPredict } from "./node/predict.ts";
import { addReport } from "./node/report.ts";
import { addRotateIdentity } from "./node/rotate-identity.ts";
import { addRotateKey } from "./node/rotate-key.ts";
import { addServe } from "./node/serve.ts";

const homeFlags = ["--home <folder>", "the node's folder"] as const;
const caFlags = [
  "--ca <file>",
  "trust the coordinator's certificate by these (PEM) instead of those that Node trusts; kept",
] as const;
const insecureFlags = [
  "--insecure-http",
  "reach the coordinator on another machine over plain HTTP (test networks only); kept",
] as const;

interface ChannelFlags {
  readonly ca?: string;
  readonly insecureHttp?: boolean;
}
const channelFlags = ({ ca, insecureHttp }: ChannelFlags) => ({
  ...(ca === undefined ? {} : { ca }),
  ...(insecureHttp === true ? { insecureHttp } : {}),
});

const deviceFlags = ["--device", "a device: one customer's history, under a plan that protects whole nodes"] as const;

export function nodeCommand(): Command {
  const node = new Command("node").description("a merchant's side of a federation");

  node
    .command("join")
    .description("join the federation that an invite names; prints the fingerprints to compare")
    .argument("<invite>", "what `tributary coordinator invite` printed")
    .requiredOption(...homeFlags)
    .option(...deviceFlags)
    .option(...caFlags)
    .option(...insecureFlags)
    .addOption(languageOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node join INVITE --home shop")
    .action(
      async (
        invite: string,
        {
          home,
          device = false,
          language,
          ...options
        }: { home: string; device?: boolean; language: PlanLanguage; json?: boolean } & ChannelFlags,
      ) => {
        const joined = await joinFederation({ invite, home, device, language, ...channelFlags(options) });
        print(options.json, joined, () => [
          `joined ${joined.federation} as ${joined.node}`,
          `  own key fingerprint  ${joined.fingerprint}`,
          `  coordinator          ${joined.coordinatorFingerprint}`,
          "",
          joined.customers.paragraph,
          "",
          "  next: give the own fingerprint to the other merchants, and name theirs with `tributary node trust`",
        ]);
      },
    );

  node
    .command("trust")
    .description("name the peers whose key fingerprints you verified yourself")
    .argument("<fingerprints...>", "key fingerprints, obtained from the peers themselves")
    .requiredOption(...homeFlags)
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node trust FINGERPRINT FINGERPRINT --home shop")
    .action(async (fingerprints: string[], options: { home: string; json?: boolean }) => {
      const policy = await trustPeers({ home: options.home, fingerprints });
      print(options.json, policy, () => [`${policy.trustedPeers.length} trusted peers`]);
    });

  addPolicy(node);

  node
    .command("extension")
    .description(
      "accept an extension: its file is kept and its hash written into the policy. Read it first: it sees your customers",
    )
    .argument("<file>", "the extension's TypeScript file")
    .requiredOption(...homeFlags)
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node extension visit-hours.ts --home shop")
    .action(async (file: string, options: { home: string; json?: boolean }) => {
      const accepted = await acceptExtension({ home: options.home, file });
      print(options.json, accepted, () => [`accepted ${accepted.name}, SHA-256 ${accepted.sha256}`]);
    });

  addImport(node);
  addCatalogue(node);
  addDeclare(node);
  addHoldout(node);
  addReport(node);
  addForget(node);
  addRotateIdentity(node);
  addRotateKey(node);
  addPersonalise(node);

  node
    .command("check")
    .description("what the plan would do, what it costs, and whether this node would take part")
    .requiredOption(...homeFlags)
    .addOption(languageOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node check --home shop")
    .action(async (options: { home: string; language: PlanLanguage; json?: boolean }) => {
      const check = await checkNode({ home: options.home, language: options.language });
      if (!check.accepted) process.exitCode = 3;
      print(options.json, check, () =>
        prose([
          check.customers.paragraph,
          "",
          ...check.explanation,
          "",
          check.accepted ? "This node would take part." : "This node would refuse:",
          ...check.findings.map((finding) => `  ${finding.code}  ${finding.message}`),
          ...(check.remarks.length === 0 ? [] : ["", "The plan could be stricter:"]),
          ...check.remarks.map((remark) => `  ${remark.code}  ${remark.message}`),
          ...rosterLines(check.roster),
          ...(check.declines.length === 0 ? [] : ["", "An offer that came now would be declined:"]),
          ...check.declines.flatMap(({ kind, code, message, advice }) => [
            `  ${kind ?? "any"}: ${code}  ${message}`,
            `    ${advice}`,
          ]),
        ]),
      );
    });

  node
    .command("start")
    .description("take part in the federation's rounds")
    .requiredOption(...homeFlags)
    .option("--until-done", "end when the federation's ledger is closed")
    .option(...deviceFlags)
    .option(...caFlags)
    .option(...insecureFlags)
    .addOption(integerOption("--training-threads <n>", "threads that train at a time (default: one for each core)", 1))
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary node start --home shop --until-done\n  tributary node start --home phone --device",
    )
    .action(
      async (options: { home: string; untilDone?: boolean; trainingThreads?: number; device?: boolean } & ChannelFlags) => {
        const { home, trainingThreads, device = false, untilDone = false } = options;
        const threads = trainingThreads === undefined ? {} : { trainingThreads };
        const running = await startNode({ home, device, ...threads, ...channelFlags(options) });
        const { device: participation } = running;
        const rounds =
          participation === undefined ? {} : { mostRounds: participation.most, chargedRounds: participation.charged };
        printLine({ event: "started", node: running.node, federation: running.federation, ...rounds });
        await untilStopped(running, untilDone);
        if (device) printLine({ event: "ended", peakMb: Math.round((process.resourceUsage().maxRSS * 1024) / 1e6) });
      },
    );

  addServe(node);
  addPredict(node);

  addBudget(node);
  addPage(node);

  node
    .command("recover")
    .description("make an old backup usable again: everything that may have been spent since then is counted")
    .requiredOption(...homeFlags)
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node recover --home shop")
    .action(async (options: { home: string; json?: boolean }) => {
      const recovered = await recoverNode({ home: options.home });
      const { rounds, heads, entries, budget } = recovered;
      print(options.json, recovered, () => [
        `${heads} peers confirm a ledger of ${entries} entries`,
        rounds.length === 0 ? "nothing was forgotten" : `counted as spent: rounds ${rounds.join(", ")}`,
        `  spent  ${budget.spent} of ${budget.limit}`,
      ]);
    });

  return node;
}

/** Since the founding. */
function rosterLines({ admitted, rotated, revoked }: RosterNews): string[] {
  const news = [
    ...admitted.map(({ node, fingerprint, from, trusted }) => {
      const standing = trusted ? "trusted" : "not trusted: compare the fingerprint, then `tributary node trust`";
      return `  ${node} takes part from round ${from} on, key fingerprint ${fingerprint} (${standing})`;
    }),
    ...rotated.map(({ node, fingerprint, from }) => `  ${node} has the key ${fingerprint} from round ${from} on`),
    ...revoked.map((node) => `  ${node} takes part no longer`),
  ];
  return news.length === 0 ? [] : ["", "The roster has changed:", ...news];
}

/** `tributary coordinator …`: the platform's side. */
import {
  accessAtHome,
  createInvite,
  keepHeapSmall,
  type RunningCoordinator,
  readRoster,
  readRounds,
  readStatus,
  startCoordinator,
} from "@tributary/coordinator";
import { fail } from "@tributary/errors";
import { catalogueBytes, readCatalogue } from "@tributary/events";
import { fingerprintOf, inviteId, inviteSchema, nodeId, operatorName, rosterFingerprint } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { Command } from "commander";
import { readInput, readJsonOnce } from "../files.ts";
import { integerOption, jsonOption, textOption } from "../options.ts";
import { inWords, print, printError, printLine, table } from "../output.ts";
import { builtPages } from "../pages/built-pages.ts";
import { addPlaceOptions, type PlaceFlags } from "../place-options.ts";
import { writtenLines } from "../report/written.ts";
import { untilStopped } from "../running.ts";
import { addScheduleOptions, type ScheduleOptions, scheduleOf } from "../schedule-options.ts";
import { addAccess } from "./coordinator/access.ts";
import { addBackup } from "./coordinator/backup.ts";
import { addNotes } from "./coordinator/notes.ts";
import { addDoctor, addObserving, type ObservingFlags, observingOf } from "./coordinator/observing.ts";
import { addSeatOptions, type SeatFlags, seatOf } from "./coordinator/seat.ts";
import { addCertifyHome } from "./model/certify.ts";

const nameForm = "up to 32 of a–z, 0–9 and -";
const nodeOption = () => {
  const expected = "up to 63 of a–z, 0–9 and -, other than coordinator";
  return textOption("--node <name>", "the node's public name", nodeId.transform(String), expected);
};
const urlOption = () => {
  const expected = "an address such as https://platform.example:7443";
  return textOption("--url <url>", "where the node reaches this coordinator", inviteSchema.shape.url, expected);
};

type InviteFlags = SeatFlags & {
  readonly node?: string;
  readonly nodeUrl?: string;
  readonly list?: boolean;
  readonly revoke?: string;
  readonly hours: number;
  readonly operator: string;
  readonly reason: string;
  readonly json?: boolean;
};

function tlsOf({ tlsCert: cert, tlsKey: key }: { readonly tlsCert?: string; readonly tlsKey?: string }) {
  if (cert !== undefined && key !== undefined) return { tls: { cert, key } };
  if (cert === undefined && key === undefined) return {};
  const [option, other] = cert === undefined ? ["--tls-cert", "--tls-key"] : ["--tls-key", "--tls-cert"];
  throw fail("TRB_CLI_BAD_OPTION", { option, value: "nothing", expected: `a file, as ${other} has one` });
}

/** A certificate that can't be served leaves the old one in its place, and a line in the log. */
function reloadTls(running: Pick<RunningCoordinator, "reloadTls">): void {
  try {
    running.reloadTls();
  } catch (error) {
    printError(false, error);
  }
}

export function coordinatorCommand(): Command {
  const coordinator = new Command("coordinator").description("the platform's side of a federation");

  const start = coordinator
    .command("start")
    .description("serve a federation: admit nodes, run the plan's rounds, keep the ledger");
  addPlaceOptions(addObserving(addScheduleOptions(start)))
    .option("--replica <name>", "this replica's name, which no other one has (default: made of machine and home)")
    .option("--plan <file>", "plan.json, at the first start")
    .option("--catalogue <file>", "catalogue JSONL, at the first start")
    .option("--extension <files...>", "files of the plan's extensions, at the first start")
    .option(
      "--initial-model <file>",
      "the model that the plan's training begins at, where it was brought along, at the first start",
    )
    .option(
      "--blobs <place>",
      "where models and masked vectors are kept, for this federation alone: a folder, which replicas share, or s3://bucket/prefix (default: --home)",
    )
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--tls-cert <file>", "serve https by this certificate and those that lead up from it (PEM); read again on SIGHUP")
    .option("--tls-key <file>", "its private key (PEM)")
    .option(
      "--trust-proxy <addresses>",
      "believe these proxies, which speak TLS, where requests come from: addresses and ranges, with commas between them",
    )
    .option("--insecure-http", "listen on other addresses than this machine's own without TLS (test networks only)")
    .option(
      "--allow-origin <origins...>",
      "serve devices whose page another server serves, by its origin: https://shop.example",
    )
    .addOption(integerOption("--port <n>", "port; 0 takes a free one", 0, 7443, 65_535))
    .addOption(
      integerOption(
        "--drain-seconds <n>",
        "when it is told to stop: how long what has begun may take to end; a second signal ends it at once",
        0,
        20,
        3_600,
      ),
    )
    .addOption(
      integerOption(
        "--start-when <nodes>",
        "begin when so many nodes have joined and are connected (default: the plan's minimum cohort)",
        1,
      ),
    )
    .option("--demo", "accept a catalogue made from behaviour, and noise below the floor (demonstrations only)")
    .option("--until-done", "end when the plan's rounds are done, or when the nodes refuse them for good (exit 1)")
    .addOption(
      integerOption(
        "--most-refused <offers>",
        "offers in a row that nodes may refuse for one reason before no more are made, until one connects anew; 0: any number",
        0,
        10,
      ),
    )
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary coordinator start --home platform --plan plan.json --catalogue catalogue.jsonl --start-when 6",
    )
    .action(
      async (
        options: {
          replica?: string;
          blobs?: string;
          plan?: string;
          catalogue?: string;
          extension?: string[];
          initialModel?: string;
          host: string;
          port: number;
          startWhen?: number;
          drainSeconds: number;
          demo?: boolean;
          untilDone?: boolean;
          mostRefused: number;
          tlsCert?: string;
          tlsKey?: string;
          trustProxy?: string;
          insecureHttp?: boolean;
          allowOrigin?: string[];
        } & PlaceFlags &
          ObservingFlags &
          ScheduleOptions,
      ) => {
        keepHeapSmall();
        const running = await startCoordinator({
          ...{ home: options.home, databaseUrl: options.databaseUrl, replica: options.replica },
          ...(options.blobs === undefined ? {} : { blobs: options.blobs }),
          host: options.host,
          port: options.port,
          ...tlsOf(options),
          ...observingOf(options),
          pages: builtPages(),
          ...(options.allowOrigin === undefined ? {} : { allowOrigins: options.allowOrigin }),
          ...(options.trustProxy === undefined ? {} : { trustProxy: options.trustProxy }),
          insecureHttp: options.insecureHttp ?? false,
          ...(options.plan === undefined ? {} : { plan: readJsonOnce(options.plan) }),
          ...(options.catalogue === undefined ? {} : { catalogue: catalogueBytes(await readCatalogue(options.catalogue)) }),
          ...(options.extension === undefined ? {} : { extensions: options.extension }),
          ...(options.initialModel === undefined ? {} : { initialModel: readInput(options.initialModel) }),
          demo: options.demo ?? false,
          mostRefused: options.mostRefused,
          schedule: scheduleOf(options),
          whenRefused: options.untilDone === true ? "end" : "wait",
          ...(options.startWhen === undefined ? {} : { startWhen: options.startWhen }),
        });
        printLine({
          event: "listening",
          url: running.url,
          port: running.port,
          federation: running.federation,
          fingerprint: running.fingerprint,
        });
        process.on("SIGHUP", () => reloadTls(running));
        await untilStopped(running, options.untilDone ?? false, () => running.drain(options.drainSeconds));
      },
    );

  addSeatOptions(
    coordinator
      .command("invite")
      .description("make a one-time invite for one node; it carries the coordinator's key fingerprint"),
    { url: false },
  )
    .addOption(nodeOption())
    .addOption(urlOption())
    .option("--node-url <url>", "where the node reaches it, when that isn't --url, at which an operator's token asks")
    .option("--list", "show the invites that there are, without their tokens, instead of making one")
    .addOption(
      textOption(
        "--revoke <id>",
        "make an invite worthless that nobody has used",
        inviteId,
        "12 of 0–9 and a–f, as --list shows",
      ),
    )
    .addOption(
      textOption("--operator <role>", "whose decision it is: a role, not a person", operatorName, nameForm).default("operator"),
    )
    .option("--reason <text>", "why, for everybody to read", "")
    .addOption(integerOption("--hours <n>", "how long the invite is good for", 1, 72, 24 * 366))
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary coordinator invite --home platform --node bookshop --url https://platform.example:7443",
    )
    .action(async (options: InviteFlags, command: Command) => {
      const { node, nodeUrl: url = options.url, hours } = options;
      const { place, api } = seatOf(options, command);
      const decision = { by: options.operator, reason: options.reason };
      if (options.revoke !== undefined) {
        if (api !== undefined) {
          await api.revokeInvite({ params: { id: options.revoke } });
          print(options.json, { revoked: options.revoke }, () => ["the invite is worthless now"]);
          return;
        }
        const revoked = await accessAtHome(place, decision).revokeInvite(options.revoke);
        print(options.json, { revoked: options.revoke, node: revoked }, () => [`the invite for ${revoked} is worthless now`]);
        return;
      }
      if (options.list) {
        const invites = api === undefined ? await accessAtHome(place, decision).invites() : await api.invites();
        print(options.json, { invites }, () =>
          table([
            ["id", "node", "expires", "used"],
            ...invites.map((one) => [one.id, one.node, one.expires, one.used ? "yes" : "no"]),
          ]),
        );
        return;
      }
      if (node === undefined) return command.error("error: required option '--node <name>' not specified");
      if (url === undefined) return command.error("error: required option '--url <url>' not specified");
      const { invite, expires } =
        api === undefined
          ? await createInvite(place, { node, url, hours }, decision)
          : await api.invite({ body: { node, url, hours, reason: options.reason } });
      print(options.json, { invite, node, expires }, () => [invite]);
    });

  addSeatOptions(
    coordinator
      .command("roster")
      .description("who is in the federation, since when, and the fingerprints to compare with them"),
  )
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary coordinator roster --home platform")
    .action(async (options: SeatFlags & { json?: boolean }, command: Command) => {
      const crypto = nodeCrypto();
      const { place, api } = seatOf(options, command);
      const { roster, members: standings } = api === undefined ? await readRoster(place) : await api.members();
      const members = standings.map(({ member, state, entry, from, next }) => ({
        ...{ ...member, fingerprint: fingerprintOf(crypto, member.key), state, entry, from },
        next: next === null ? null : { fingerprint: fingerprintOf(crypto, next.key), from: next.from },
      }));
      // of those who may be in the next round: what `node join` prints
      const fingerprint = rosterFingerprint(crypto, roster);
      print(options.json, { fingerprint, members }, () => [
        ...table([
          ["node", "kind", "state", "entry", "from round", "key fingerprint"],
          ...members.map(({ node, kind, state, entry, from, fingerprint: key }) => {
            return [node, kind, state, String(entry ?? "-"), String(from ?? "-"), key];
          }),
        ]),
        ...members.flatMap(({ node, next }) =>
          next === null ? [] : [`${node} has the key ${next.fingerprint} from round ${next.from} on`],
        ),
        `roster fingerprint ${fingerprint}`,
      ]);
    });

  addSeatOptions(coordinator.command("status").description("where the federation stands"))
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary coordinator status --home platform --json\n  tributary coordinator status --url https://platform.example:7443 --token-file token",
    )
    .action(async (options: SeatFlags & { json?: boolean }, command: Command) => {
      const { place, api } = seatOf(options, command);
      const status =
        api === undefined ? { ...(await readStatus(place)), history: await readRounds(place) } : await api.status();
      const { history: _, metrics, queries, features, ...plain } = status;
      print(options.json, status, () => [
        ...table(Object.entries(plain).map(([name, value]) => [name, inWords(value)])),
        ...writtenLines({ metrics: metrics ?? [], queries: queries ?? [], features: features ?? [] }),
      ]);
    });

  addCertifyHome(coordinator);
  addNotes(coordinator);
  addAccess(coordinator);
  addDoctor(coordinator);
  addBackup(coordinator);
  return coordinator;
}

/** `tributary coordinator backup`, `restore` and `retention`: what is copied away, brought back, and let go of. */
import { backupFederation, restoreFederation, retainAt } from "@tributary/coordinator";
import type { Command } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { addPlaceOptions, type PlaceFlags } from "../../place-options.ts";

const blobsFlags = ["--blobs <place>", "where models are kept, as `coordinator start` is told (default: --home)"] as const;

interface BackupFlags extends PlaceFlags {
  readonly out: string;
  readonly blobs?: string;
  readonly withKeys?: boolean;
  readonly json?: boolean;
}

interface RestoreFlags extends PlaceFlags {
  readonly from: string;
  readonly blobs?: string;
  readonly ledger?: string[];
  readonly json?: boolean;
}

interface RetentionFlags extends PlaceFlags {
  readonly blobs?: string;
  readonly keepModels?: number;
  readonly keepRounds?: number;
  readonly keepDays?: number;
  readonly apply?: boolean;
  readonly json?: boolean;
}

export function addBackup(coordinator: Command): void {
  addPlaceOptions(
    coordinator.command("backup").description("copy a federation away, as it is at one moment, whether its server runs or not"),
  )
    .requiredOption("--out <place>", "what to make: a tar file if it ends in .tar, else a folder")
    .option(...blobsFlags)
    .option("--with-keys", "the identity key as well: keep such a backup as you keep the key")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary coordinator backup --home platform --out platform-backup.tar")
    .action(async (flags: BackupFlags) => {
      const { out, blobs, withKeys = false } = flags;
      const { files, ...manifest } = await backupFederation(flags, { out, blobs, withKeys });
      const octets = files.reduce((sum, { bytes }) => sum + bytes, 0);
      print(flags.json, { out, ...manifest, files: files.length, bytes: octets }, () => [
        `${out}: ${files.length} files, ${octets} octets, ${manifest.ledger.entries} entries up to ${manifest.ledger.head}`,
        ...(withKeys ? [] : ["the identity key is not in it; keep a copy of keys/identity elsewhere"]),
      ]);
    });

  addPlaceOptions(
    coordinator
      .command("restore")
      .description("bring a federation back from a backup, in a new home or an empty schema, on either engine"),
  )
    .requiredOption("--from <place>", "the backup: a tar file or a folder")
    .option(...blobsFlags)
    .option("--ledger <files...>", "copies of the ledger that others have; a backup that is older than one of them is refused")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary coordinator restore --from platform-backup.tar --home platform-new --ledger bookshop/ledger.jsonl",
    )
    .action(async (flags: RestoreFlags) => {
      const { from, home, databaseUrl, blobs, ledger = [] } = flags;
      const { manifest, ...restored } = await restoreFederation({ from, home, databaseUrl, blobs, ledgers: ledger });
      const { federation, at, roundUnderWay } = manifest;
      print(flags.json, { federation, at, roundUnderWay, ...restored }, () => [
        `${federation} as of ${at}: ${restored.ledger.entries} entries up to ${restored.ledger.head}, ${restored.blobs} contents; all of it verified`,
        ...(restored.usedUp === null
          ? []
          : [`round ${restored.usedUp} may have been begun since: it is written into the ledger as given up and charged`]),
      ]);
    });

  addPlaceOptions(
    coordinator
      .command("retention")
      .description("what is kept beside the ledger, and for how long; the server carries it out each hour"),
  )
    .addOption(integerOption("--keep-models <n>", "models of so many last rounds, and those that are in use (0: all)", 0))
    .addOption(integerOption("--keep-rounds <n>", "figures of so many last rounds (0: all)", 0))
    .addOption(
      integerOption("--keep-days <n>", "days for which sessions and invites stay that are of no use any more (0: for ever)", 0),
    )
    .option("--apply", "carry it out now")
    .option(...blobsFlags)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary coordinator retention --home platform --keep-models 50 --keep-days 90 --apply",
    )
    .action(async (flags: RetentionFlags) => {
      const { keepModels, keepRounds, keepDays, blobs, apply = false } = flags;
      const given = { models: keepModels, rounds: keepRounds, days: keepDays };
      const policy = Object.fromEntries(
        Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value === 0 ? null : value]])),
      );
      const { retention, erased } = await retainAt(flags, { policy, apply, blobs });
      const all = (count: number | null) => (count === null ? "all" : `the last ${count}`);
      print(flags.json, { retention, erased }, () =>
        table([
          ["ledger", "all"],
          ["models of rounds", `${all(retention.models)}, and those that are in use`],
          ["figures of rounds", all(retention.rounds)],
          ["days for sessions and invites", retention.days === null ? "all" : String(retention.days)],
          ...(erased === null ? [] : Object.entries(erased).map(([what, count]) => [`erased ${what}`, String(count)])),
        ]),
      );
    });
}

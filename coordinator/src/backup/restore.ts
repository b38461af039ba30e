/**
 * `tributary coordinator restore`: a federation from its backup, in a place where nothing is, on either engine. Everything is verified before anything is
 * written, and looked at again when it is there.
 *
 *   manifest, hashes, ledger ─▶ the round that may have been begun since is used up (`steps/restored.ts`) ─▶ contents ─▶ all rows in one transaction ─▶ verified
 *
 * The rows have a leadership of their own: whoever still believes to lead, by the same number, writes nothing here.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "@tributary/errors";
import { type CoordinatorState, decodeCoordinatorState, encodeCoordinatorState, settleRestored } from "@tributary/federation";
import { lineHash, verifyLedgerStream } from "@tributary/ledger";
import { softwareHash } from "@tributary/ledger/software";
import { signatureThreads } from "@tributary/ledger/threads";
import { type Plan, type Sha256, sha256Hex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { sql } from "kysely";
import { type CoordinatorIdentity, identityFromFile } from "../home/identity.ts";
import { type HomeLayout, homeLayout, makeFolders, writeDurably } from "../home/layout.ts";
import { lockHome } from "../home/lock.ts";
import { systemRandom } from "../home/random.ts";
import { type Blobs, claimObjects, openBlobs } from "../storage/blobs.ts";
import { type Database, postgresDatabase, sqliteDatabase } from "../storage/database.ts";
import { openLedgerFile } from "../storage/ledger-file.ts";
import { migrate, versionOf } from "../storage/migrating.ts";
import { migrations } from "../storage/migrations.ts";
import { requiredBlobs } from "../storage/named-blobs.ts";
import { openObjects } from "../storage/objects.ts";
import { type ArchiveReader, openArchive } from "./archive.ts";
import { foundedIn } from "./backup.ts";
import { type Manifest, readGenuine, readManifest } from "./manifest.ts";
import { rowsFrom, type SavedRow, type SavedRows, savedTables, writeSaved } from "./saved-tables.ts";

export interface RestoreRequest {
  /** A file or folder that `backupFederation` made. */
  readonly from: string;
  /** Gets keys, certificates, extensions; and the database, if `databaseUrl` names none. */
  readonly home: string;
  readonly databaseUrl?: string | undefined;
  /** Where models go, as `coordinator start` will be told. Default: the home. */
  readonly blobs?: string | undefined;
  /** Copies of the ledger that others have (a node's, an auditor's `ledger.jsonl`): a backup that is older than one of them is refused. */
  readonly ledgers?: readonly string[];
}

export interface Restored {
  readonly manifest: Manifest;
  /** After what was written here. */
  readonly ledger: { readonly entries: number; readonly head: Sha256 };
  /** The round that is used up, since it may have been begun after the backup; null: none can have been. */
  readonly usedUp: number | null;
  readonly blobs: number;
}

/**
 * @throws TRB_BACKUP_UNREADABLE, TRB_BACKUP_DAMAGED, TRB_BACKUP_PLACE_TAKEN, TRB_BACKUP_OUTDATED, TRB_COORDINATOR_HOME_IN_USE,
 *   TRB_COORDINATOR_KEY_UNREADABLE when neither backup nor home has the identity key, TRB_COORDINATOR_PLAN_OTHER_KEY, TRB_COORDINATOR_DATABASE_NEWER,
 *   TRB_COORDINATOR_BLOBS_TAKEN, and what stores throw
 */
export async function restoreFederation(request: RestoreRequest): Promise<Restored> {
  const { from, home, databaseUrl } = request;
  const archive = await openArchive(from);
  try {
    const manifest = await readManifest(archive, from);
    const rows = await genuineRows(archive, manifest);
    const { plan, planHash } = foundedIn(rows, from);
    const lines = rows.ledger.map(({ line }) => String(line));
    await requireVerified(lines, manifest.fingerprint, `${from}: ledger`);
    for (const file of request.ledgers ?? []) requireNewest(lines, file);
    for (const { name } of manifest.files) await readGenuine(archive, manifest, name);

    const layout = homeLayout(home);
    makeFolders(layout);
    const lock = lockHome(layout);
    const database = databaseUrl === undefined ? sqliteDatabase(layout.database) : postgresDatabase(databaseUrl);
    try {
      await prepare(database, manifest.schema);
      const identity = await restoreIdentity(archive, manifest, layout, plan);
      const { whole, state, usedUp } = settled(rows, identity);
      await restoreFiles(archive, manifest, layout);
      const objects = await openObjects(request.blobs ?? home);
      try {
        const blobs = openBlobs(objects);
        if (request.blobs !== undefined) await claimObjects(objects, plan.federation, planHash);
        const restored = await restoreBlobs(archive, manifest, blobs, requiredBlobs(plan, state));
        await database.write((tables) => writeSaved(tables, whole), "again");
        await migrate(database, { create: true });
        const ledger = await requireRestored(database, whole, manifest.fingerprint);
        openLedgerFile(
          layout.ledger,
          whole.ledger.map(({ line }) => String(line)),
        ).close();
        return { manifest, ledger, usedUp, blobs: restored };
      } finally {
        objects.close();
      }
    } finally {
      await database.close();
      lock.release();
    }
  } finally {
    await archive.close();
  }
}

async function genuineRows(archive: ArchiveReader, manifest: Manifest): Promise<SavedRows> {
  const read = async (table: (typeof savedTables)[number]) => {
    const name = `tables/${table}.jsonl`;
    const rows = rowsFrom(await readGenuine(archive, manifest, name));
    if (rows === undefined) throw fail("TRB_BACKUP_DAMAGED", { file: name, reason: "a line of it is no row of a table" });
    return rows;
  };
  const tables = await Promise.all(savedTables.map(async (name) => [name, await read(name)] as const));
  return Object.fromEntries(tables) as unknown as SavedRows;
}

/** @throws TRB_BACKUP_DAMAGED */
async function requireVerified(lines: readonly string[], fingerprint: Sha256, file: string): Promise<void> {
  if (lines.length === 0) return; // the federation hadn't begun
  const threads = signatureThreads();
  try {
    const octets = (async function* () {
      for (const line of lines) yield new TextEncoder().encode(`${line}\n`);
    })();
    const { failures } = await verifyLedgerStream(octets, { crypto: nodeCrypto(), key: fingerprint }, threads);
    const [first] = failures;
    if (first !== undefined) throw fail("TRB_BACKUP_DAMAGED", { file, reason: `entry ${first.entry}: ${first.code}` });
  } finally {
    await threads.close();
  }
}

/** @throws TRB_BACKUP_OUTDATED when the file goes on where the backup ends, or otherwise */
function requireNewest(lines: readonly string[], path: string): void {
  const known = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const shared = known.findIndex((line, place) => line !== lines[place]);
  if (shared < 0) return;
  throw fail("TRB_BACKUP_OUTDATED", { entries: lines.length, path, shared: shared - 1, known: known.length });
}

/** Empty tables of the version that the backup's rows are of. @throws TRB_BACKUP_PLACE_TAKEN, TRB_COORDINATOR_DATABASE_NEWER */
async function prepare(database: Database, schema: number): Promise<void> {
  const { where } = database;
  if (schema > migrations.length)
    throw fail("TRB_COORDINATOR_DATABASE_NEWER", { where, version: schema, known: migrations.length });
  const version = (await database.read((tables) => versionOf(tables, database))) ?? 0;
  const empty =
    version === 0 ||
    (version === schema &&
      (await database.read(async (tables) => {
        const { rows } = await sql<{
          count: number;
        }>`SELECT (SELECT count(*) FROM settings) + (SELECT count(*) FROM members) + (SELECT count(*) FROM operators) AS count`.execute(
          tables,
        );
        return Number(rows[0]?.count) === 0;
      })));
  if (!empty) throw fail("TRB_BACKUP_PLACE_TAKEN", { where });
  await migrate(database, { create: true, steps: migrations.slice(0, schema) });
}

async function restoreIdentity(
  archive: ArchiveReader,
  manifest: Manifest,
  { identity: file }: HomeLayout,
  plan: Plan,
): Promise<CoordinatorIdentity> {
  if (!existsSync(file) && manifest.withKeys) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeDurably(file, await readGenuine(archive, manifest, "keys/identity"));
  }
  const identity = identityFromFile(file);
  if (identity.key !== plan.coordinatorKey) throw fail("TRB_COORDINATOR_PLAN_OTHER_KEY", { fingerprint: identity.fingerprint });
  return identity;
}

/** The rows as they are to be: with one leadership more, and with the round that may have been begun since used up. */
function settled(
  rows: SavedRows,
  identity: CoordinatorIdentity,
): { whole: SavedRows; state: CoordinatorState | undefined; usedUp: number | null } {
  const leadership = rows.leadership.map((row) => ({ ...row, fence: Number(row["fence"]) + 1, replica: "restore" }));
  const [kept] = rows.state;
  if (kept === undefined) return { whole: { ...rows, leadership }, state: undefined, usedUp: null };
  const crypto = nodeCrypto();
  const context = {
    ...{ crypto, random: systemRandom, sign: identity.sign, now: new Date().toISOString() },
    software: softwareHash(import.meta.url),
  };
  const { state, effects } = settleRestored(decodeCoordinatorState(String(kept["json"])), context);
  const written = effects.flatMap((effect) => (effect.type === "persist" && effect.entry ? [effect.entry] : []));
  const ledger: SavedRow[] = written.map(({ line, entry }) => ({ place: entry.index, line, hash: lineHash(crypto, line) }));
  const [entry] = written.map((one) => one.entry);
  const aborted = entry?.kind === "aborted" ? entry : undefined;
  const rounds =
    aborted === undefined
      ? rows.rounds
      : [
          ...rows.rounds.filter(({ round }) => round !== aborted.round),
          // when it began, and with whom, nobody knows any more
          {
            ...noFigures,
            round: aborted.round,
            started_at: aborted.at,
            released: 0,
            code: aborted.code,
            model_hash: aborted.modelHash,
            epsilon: aborted.spent.epsilon,
          },
        ];
  const json = encodeCoordinatorState(state);
  const whole = {
    ...{ ...rows, leadership, rounds, ledger: [...rows.ledger, ...ledger] },
    state: [{ ...kept, json, sequence: Number(kept["sequence"]) + 1 }],
  };
  return { whole, state, usedUp: aborted?.round ?? null };
}

const noFigures = { seconds: 0, bytes_in: 0, bytes_out: 0, nodes: 0 };

async function restoreFiles(archive: ArchiveReader, manifest: Manifest, layout: HomeLayout): Promise<void> {
  for (const folder of ["certificates", "extensions"] as const) {
    for (const { name } of manifest.files.filter((file) => file.name.startsWith(`${folder}/`))) {
      mkdirSync(layout[folder], { recursive: true, mode: 0o700 });
      writeDurably(join(layout[folder], name.slice(folder.length + 1)), await readGenuine(archive, manifest, name));
    }
  }
}

/** @returns how many there are */
async function restoreBlobs(
  archive: ArchiveReader,
  manifest: Manifest,
  blobs: Blobs,
  required: readonly Sha256[],
): Promise<number> {
  const names = manifest.files.flatMap(({ name }) => (name.startsWith("blobs/") ? [name] : []));
  for (const name of names) {
    const hash = await blobs.put(await readGenuine(archive, manifest, name));
    if (name !== `blobs/${hash}`) throw fail("TRB_BACKUP_DAMAGED", { file: name, reason: "its content is another one" });
  }
  for (const hash of required) await blobs.read(hash); // there, and what its name says
  return names.length;
}

/** What stands in the database now is what was to. @throws TRB_BACKUP_DAMAGED */
async function requireRestored(database: Database, whole: SavedRows, fingerprint: Sha256): Promise<Restored["ledger"]> {
  const found = await database.read((tables) =>
    tables.selectFrom("ledger").select(["line", "hash"]).orderBy("place").execute(),
  );
  const same = found.length === whole.ledger.length && found.every(({ line }, place) => line === whole.ledger[place]?.["line"]);
  if (!same)
    throw fail("TRB_BACKUP_DAMAGED", { file: database.where, reason: "another ledger stands there than was restored" });
  await requireVerified(
    found.map(({ line }) => line),
    fingerprint,
    database.where,
  );
  return { entries: found.length, head: sha256Hex.parse(found.at(-1)?.hash ?? "0".repeat(64)) };
}

/**
 * `tributary coordinator backup`: one moment of a federation, taken while it runs, from either engine.
 *
 *   snapshot of the tables ─▶ contents that it names ─▶ certificates, extensions, the identity key if wanted ─▶ manifest
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fail, isTributaryError } from "@tributary/errors";
import { decodeCoordinatorState } from "@tributary/federation";
import { softwareHash } from "@tributary/ledger/software";
import { fingerprintOf, type Plan, parsePlan, type Sha256, sha256Hex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { homeLayout } from "../home/layout.ts";
import { openBlobs, sha256Of } from "../storage/blobs.ts";
import { versionOf } from "../storage/migrating.ts";
import { modelsByRound, requiredBlobs } from "../storage/named-blobs.ts";
import { openObjects } from "../storage/objects.ts";
import { homeOf, openPlace, type Place } from "../storage/place.ts";
import { createArchive } from "./archive.ts";
import { type Manifest, manifestBytes, manifestName } from "./manifest.ts";
import { readSaved, rowsBytes, type SavedRows, savedTables } from "./saved-tables.ts";

export interface BackupRequest {
  /** Where it goes: nothing may be there. A tar file if it ends in `.tar`, else a folder. */
  readonly out: string;
  /** Where models are, as `coordinator start` was told. Default: the home. */
  readonly blobs?: string | undefined;
  /** The identity key as well: who has such a backup can be the coordinator. */
  readonly withKeys: boolean;
}

/** Between two looks at a federation that writes faster than it is copied. */
const attempts = 5;

/**
 * Whether or not the server runs; nobody waits for it.
 * @throws TRB_BACKUP_NOT_WRITABLE, TRB_COORDINATOR_HOME_EMPTY, TRB_COORDINATOR_BLOB_UNKNOWN when a content is missing that it can't go on without,
 *   TRB_COORDINATOR_STORE_DAMAGED when one isn't what its name says, and what the store throws
 */
export async function backupFederation(place: Place, request: BackupRequest): Promise<Manifest> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptBackup(place, request);
    } catch (error) {
      // what was needed at the snapshot's moment may have been replaced since: another moment, then
      const replaced = isTributaryError(error) && error.code === "TRB_COORDINATOR_BLOB_UNKNOWN";
      if (!replaced || attempt === attempts) throw error;
    }
  }
}

async function attemptBackup(place: Place, { out, blobs: blobPlace, withKeys }: BackupRequest): Promise<Manifest> {
  const layout = homeLayout(homeOf(place));
  const store = await openPlace(place);
  try {
    const { database } = store;
    const { rows, roundUnderWay, schema } = await database.snapshot(async (tables) => ({
      ...(await readSaved(tables)),
      schema: await versionOf(tables, database),
    }));
    const { plan, planHash } = foundedIn(rows, layout.home);
    const [state] = rows.state;
    const standing = state === undefined ? undefined : decodeCoordinatorState(String(state["json"]));
    const archive = await createArchive(out);
    try {
      const files: Manifest["files"] = [];
      const put = async (name: string, content: Uint8Array) => {
        await archive.put(name, content);
        files.push({ name, bytes: content.length, sha256: sha256Of(content) });
      };
      for (const table of savedTables) await put(`tables/${table}.jsonl`, rowsBytes(rows[table]));
      const objects = await openObjects(blobPlace ?? layout.home);
      try {
        const blobs = openBlobs(objects);
        const required = requiredBlobs(plan, standing);
        const lines = rows.ledger.map(({ line }) => String(line));
        const models = [...modelsByRound(lines).keys()].filter((hash) => !required.includes(hash));
        for (const hash of required) await put(`blobs/${hash}`, await blobs.read(hash));
        // earlier models may have been erased, by retention
        for (const hash of models) if (await blobs.has(hash)) await put(`blobs/${hash}`, await blobs.read(hash));
      } finally {
        objects.close();
      }
      for (const folder of [layout.certificates, layout.extensions]) {
        for (const name of filesIn(folder)) await put(`${basename(folder)}/${name}`, readFileSync(join(folder, name)));
      }
      if (withKeys) await put("keys/identity", readFileSync(layout.identity));
      const last = rows.ledger.at(-1);
      const manifest: Manifest = {
        format: "tributary coordinator backup",
        version: 1,
        at: new Date().toISOString(),
        ...{ federation: plan.federation, planHash, fingerprint: fingerprintOf(nodeCrypto(), plan.coordinatorKey) },
        ...{ software: softwareHash(import.meta.url), engine: database.engine, schema: schema ?? 0 },
        ledger: { entries: rows.ledger.length, head: sha256Hex.parse(last?.["hash"] ?? "0".repeat(64)) },
        ...{ roundUnderWay, withKeys, files },
      };
      await archive.put(manifestName, manifestBytes(manifest));
      await archive.finish();
      return manifest;
    } catch (error) {
      await archive.discard();
      throw error;
    }
  } finally {
    await store.close();
  }
}

/** @throws TRB_COORDINATOR_HOME_EMPTY */
export function foundedIn({ settings }: Pick<SavedRows, "settings">, home: string): { plan: Plan; planHash: Sha256 } {
  const setting = (name: string) => settings.find((row) => row["name"] === name)?.["value"];
  const [plan, hash] = [setting("plan"), setting("planHash")];
  if (plan === undefined || hash === undefined) throw fail("TRB_COORDINATOR_HOME_EMPTY", { home });
  return { plan: parsePlan(JSON.parse(String(plan))), planHash: sha256Hex.parse(hash) };
}

const filesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith(".")) : []);

/** The tables of a device's database in its browser, and how they are opened. */
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events/histories";
import type { Charge } from "@tributary/federation";
import type { IdentityKey, NodeId, Roster, Sha256, Signature } from "@tributary/protocol";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { reasonOf } from "../../src/reason.ts";

/** Which federation this device belongs to, and how its coordinator is reached. */
export interface DeviceMembership {
  readonly federation: string;
  readonly node: NodeId;
  readonly url: string;
  readonly coordinatorKey: IdentityKey;
  readonly planHash: Sha256;
  readonly planSignature: Signature;
}

/** Something that left this device: what it was and how large, not what was in it. */
export interface OutgoingNote {
  readonly at: string;
  readonly kind: string;
  readonly round: number | null;
  readonly bytes: number;
}

/** Each is written whole. */
export interface Settings {
  /** 32 bytes, of which the Ed25519 key follows. */
  readonly identity: Uint8Array;
  readonly membership: DeviceMembership;
  /** The plan that was joined, as JSON. */
  readonly plan: string;
  /** As JSON; there once its person has consented. */
  readonly policy: string;
  /** Its person has it take part, also after the page is loaded again. */
  readonly active: boolean;
  /** The members as they were when this device joined. */
  readonly roster: Roster;
  /** The public list of items. */
  readonly catalogue: Uint8Array<ArrayBuffer>;
  /** Of one person. */
  readonly histories: Histories;
  /** The reducer's state, as it encodes it. */
  readonly state: string;
  /** The largest round number that this device ever took part in. */
  readonly lastRound: number;
  /** The latest messages that left, the oldest first. */
  readonly outgoing: readonly OutgoingNote[];
}

interface DeviceTables extends DBSchema {
  settings: { key: keyof Settings; value: Settings[keyof Settings] };
  charges: { key: number; value: Charge };
  /** Of a round, the signature on this device's one vote. */
  votes: { key: number; value: Signature };
  /** By place, counted from 0. */
  ledger: { key: number; value: string };
  /** y of a round, until the coordinator has it. */
  vectors: { key: number; value: Uint8Array };
}

export type DeviceDatabase = IDBPDatabase<DeviceTables>;
export type TableName = "settings" | "charges" | "votes" | "ledger" | "vectors";

const tableNames: readonly TableName[] = ["settings", "charges", "votes", "ledger", "vectors"];
export const databaseName = "tributary-device";
const schemaVersion = 1;

/** @throws TRB_DEVICE_STORE_UNAVAILABLE */
export async function openTables(): Promise<DeviceDatabase> {
  try {
    return await openDB<DeviceTables>(databaseName, schemaVersion, {
      upgrade(database) {
        for (const name of tableNames) database.createObjectStore(name);
      },
    });
  } catch (cause) {
    throw fail("TRB_DEVICE_STORE_UNAVAILABLE", { reason: reasonOf(cause) }, cause);
  }
}

type Writing = ReturnType<typeof writing>;
const writing = (database: DeviceDatabase) => database.transaction(tableNames, "readwrite", { durability: "strict" });

/**
 * All of it or none of it, and on disk once this resolves (Indexed Database API 3.0, §2.7.2: `strict`).
 * @throws TRB_DEVICE_STORE_UNAVAILABLE
 */
export async function writeStrictly(database: DeviceDatabase, work: (tables: Writing) => void | Promise<void>): Promise<void> {
  const transaction = writing(database);
  try {
    await work(transaction);
    await transaction.done;
  } catch (cause) {
    transaction.done.catch(() => {}); // that it was given up: `cause` says why
    if (transaction.error === null) abort(transaction);
    throw fail("TRB_DEVICE_STORE_UNAVAILABLE", { reason: reasonOf(cause) }, cause);
  }
}

function abort(transaction: Writing): void {
  try {
    transaction.abort();
  } catch {
    // it has ended already: what it wrote is gone, or was never begun
  }
}

/** @throws TRB_DEVICE_STORE_UNAVAILABLE */
export async function readSetting<Name extends keyof Settings>(
  database: DeviceDatabase,
  name: Name,
): Promise<Settings[Name] | undefined> {
  try {
    return (await database.get("settings", name)) as Settings[Name] | undefined;
  } catch (cause) {
    throw fail("TRB_DEVICE_STORE_UNAVAILABLE", { reason: reasonOf(cause) }, cause);
  }
}

/** @throws TRB_DEVICE_STORE_UNAVAILABLE */
export function writeSettings(database: DeviceDatabase, settings: Partial<Settings>): Promise<void> {
  return writeStrictly(database, async (tables) => {
    const store = tables.objectStore("settings");
    for (const [name, value] of Object.entries(settings)) await store.put(value, name as keyof Settings);
  });
}

/** Leaves nothing: what was learnt of this device's person is gone with it. */
export function eraseTables(database: DeviceDatabase): Promise<void> {
  return writeStrictly(database, async (tables) => {
    for (const name of tableNames) await tables.objectStore(name).clear();
  });
}

/**
 * `coordinator doctor --home`: everything that a federation stands on, looked at from beside its server, whether that runs or not. Nothing is written
 * and nothing migrated. What needs the database is left out when it can't be asked.
 */
import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type CoordinatorState, decodeCoordinatorState } from "@tributary/federation";
import { parseLine, verifyLedger } from "@tributary/ledger";
import type { Plan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { sql } from "kysely";
import { identityFromFile } from "../home/identity.ts";
import { type HomeLayout, homeLayout, isHome } from "../home/layout.ts";
import { isServed } from "../home/lock.ts";
import { phaseOf } from "../status.ts";
import { openBlobs } from "../storage/blobs.ts";
import { type Database, postgresDatabase, sqliteDatabase } from "../storage/database.ts";
import { schemaVersion } from "../storage/migrating.ts";
import { migrations } from "../storage/migrations.ts";
import { type ObjectStore, openObjects } from "../storage/objects.ts";
import type { Store } from "../storage/store.ts";
import { storeOn } from "../storage/store-tables.ts";
import { jobsOf, leaseOf } from "./facts.ts";
import {
  broken,
  certificateFinding,
  clockFinding,
  duration,
  type Finding,
  finding,
  roomFinding,
  warning,
  well,
} from "./findings.ts";
import { healthLimits } from "./health.ts";

export interface DoctorRequest {
  readonly home: string;
  readonly databaseUrl?: string | undefined;
  /** As the server has it. Default: the home. */
  readonly blobs?: string | undefined;
  /** The certificate that the server serves, where it speaks TLS itself. */
  readonly tlsCert?: string | undefined;
}

/** Of a job that nobody takes, in seconds. */
const longestWait = 60;
/** One that is away is told of soon: nobody waits for a round here. */
const patience = { reading: 2_000, writing: 2_000 };

export async function examineHome({ home, databaseUrl, blobs, tlsCert }: DoctorRequest): Promise<readonly Finding[]> {
  const layout = homeLayout(home);
  const beside = [
    await finding("keys", () => keys(layout)),
    await finding("disk", () => disk(home)),
    ...(tlsCert === undefined ? [] : [await finding("certificate", () => certificate(tlsCert))]),
  ];
  if (databaseUrl === undefined && !isHome(layout)) {
    const advice = "Start the coordinator there once with `--plan` and `--catalogue`, or give the `--home` that it has.";
    return [...beside, broken("database", "there is no federation in this home", advice)];
  }
  const database =
    databaseUrl === undefined ? sqliteDatabase(layout.database, patience) : postgresDatabase(databaseUrl, patience);
  try {
    const reached = [await finding("database", () => reachable(database)), await finding("schema", () => schema(database))];
    if (reached.some(({ state }) => state === "broken")) return [...beside, ...reached];
    const store = storeOn(database);
    return [...beside, ...reached, ...(await examineFederation(layout, store, blobs ?? home))];
  } finally {
    await database.close();
  }
}

export interface ExaminedParts {
  readonly home: string;
  /** Where blobs are: the home, another folder, or `s3://…`. */
  readonly blobs: string;
  readonly tlsCert?: string | undefined;
}

/** The same from within the server, for its page: all but the ledger's verification, which takes long and which whoever reads it can do. */
export async function examineServed(store: Store, { home, blobs, tlsCert }: ExaminedParts): Promise<readonly Finding[]> {
  const layout = homeLayout(home);
  const { database } = store;
  return [
    await finding("keys", () => keys(layout)),
    await finding("disk", () => disk(home)),
    ...(tlsCert === undefined ? [] : [await finding("certificate", () => certificate(tlsCert))]),
    await finding("database", () => reachable(database)),
    await finding("schema", () => schema(database)),
    ...(await examineFederation(layout, store, blobs, false)),
  ];
}

async function examineFederation(
  layout: HomeLayout,
  store: Store,
  place: string,
  withLedger = true,
): Promise<readonly Finding[]> {
  const founded = await store.plan();
  if (founded === undefined) {
    return [broken("federation", "the database holds no plan", "Start the coordinator once with `--plan` and `--catalogue`.")];
  }
  const { plan } = founded;
  const encoded = await store.state();
  const state = encoded === undefined ? undefined : decodeCoordinatorState(encoded);
  return [
    await finding("identity", () => identity(layout, plan)),
    await finding("clock", () => clock(store.database)),
    ...(withLedger ? [await finding("ledger", () => ledger(layout, store, plan))] : []),
    await finding("leader", () => leader(layout, store)),
    await finding("rounds", () => rounds(store, state)),
    await finding("invites", () => invites(store.database)),
    await finding("jobs", () => jobs(store)),
    ...(await examineObjects(layout, place, plan, state)),
  ];
}

async function examineObjects(
  layout: HomeLayout,
  place: string,
  plan: Plan,
  state: CoordinatorState | undefined,
): Promise<readonly Finding[]> {
  let objects: ObjectStore | undefined;
  const opened = await finding("blobs", async () => {
    if (!place.startsWith("s3://") && !existsSync(place)) throw Object.assign(new Error("no such folder"), { code: "ENOENT" });
    objects = await openObjects(place);
    return well("blobs", `in ${place}`);
  });
  if (objects === undefined) return [opened];
  const found = objects;
  try {
    return [
      opened,
      await finding("models", () => models(found, plan, state)),
      await finding("uploads", () => uploads(layout, found, state)),
      ...(place.startsWith("s3://") || place === layout.home ? [] : [await finding("disk of blobs", () => disk(place))]),
    ];
  } finally {
    found.close();
  }
}

/** The server refuses keys that others can read; a folder that they can enter is no better. */
function keys(layout: HomeLayout): Finding {
  identityFromFile(layout.identity);
  const mode = statSync(dirname(layout.identity)).mode & 0o777;
  if (process.platform === "win32" || (mode & 0o077) === 0) return well("keys", "readable by their owner only");
  return warning("keys", `others may enter their folder (mode ${mode.toString(8)})`, "chmod 700 the home's folder `keys`.");
}

function identity(layout: HomeLayout, plan: Plan): Finding {
  const { key, fingerprint } = identityFromFile(layout.identity);
  if (key === plan.coordinatorKey) return well("identity", `the plan's key, fingerprint ${fingerprint}`);
  const advice = "Copy `keys/identity` here from the home that the federation was founded in.";
  return broken("identity", `another key than the plan's, fingerprint ${fingerprint}`, advice);
}

function disk(folder: string): Finding {
  const { bavail, blocks, bsize } = statfsSync(folder);
  return roomFinding(bavail * bsize, blocks * bsize);
}

const certificate = (file: string): Finding =>
  certificateFinding(new Date(new X509Certificate(readFileSync(file)).validTo), new Date());

async function reachable(database: Database): Promise<Finding> {
  const since = performance.now();
  await database.ping();
  return well("database", `${database.engine}, ${database.where}, answers in ${Math.ceil(performance.now() - since)} ms`);
}

async function schema(database: Database): Promise<Finding> {
  const version = (await schemaVersion(database)) ?? 0;
  const known = migrations.length;
  if (version === known) return well("schema", `version ${version}`);
  if (version === 0) {
    return broken("schema", "there are no tables", "Start the coordinator once, or look whether `?schema=` names another one.");
  }
  const found = `version ${version}, this program knows ${known}`;
  return version < known
    ? broken("schema", found, "Start the coordinator with this program: it brings the database up to its version.")
    : broken("schema", found, "Use the program of the build that serves this federation, or a newer one.");
}

async function clock(database: Database): Promise<Finding> {
  const before = Date.now();
  const { rows } = await database.read((tables) =>
    sql<{ readonly now: number }>`SELECT ${database.clock} AS now`.execute(tables),
  );
  return clockFinding((before + Date.now()) / 2 - (rows[0]?.now ?? 0), "the database's");
}

/** The file follows the database: a leader writes it just after, others within seconds. What is in it beyond that is nobody's. */
async function ledger(layout: HomeLayout, store: Store, plan: Plan): Promise<Finding> {
  const file = existsSync(layout.ledger) ? readFileSync(layout.ledger) : Buffer.alloc(0);
  const lines = await store.ledgerLines(0); // after the file, so that it can't be ahead by what was written meanwhile
  if (lines.length === 0) {
    return file.length === 0
      ? well("ledger", "not begun")
      : broken("ledger", "the file has entries and the database none", "See whether this home belongs to this database.");
  }
  const written = Buffer.from(lines.map((line) => `${line}\n`).join(""), "utf8");
  const { head } = await store.ledgerHead();
  const crypto = nodeCrypto();
  const { fingerprint } = identityFromFile(layout.identity);
  const verdict = verifyLedger(written, { crypto, key: fingerprint, head });
  const [failure] = verdict.failures;
  if (!verdict.verified) {
    const found = `the database's ledger doesn't verify: entry ${failure?.entry}, ${failure?.code}`;
    return broken(
      "ledger",
      found,
      "Stop the coordinator, keep everything as it is, and restore the last backup that verifies.",
    );
  }
  const last = parseLine(lines.at(-1) ?? "");
  const found = `${lines.length} entries of ${plan.federation}, verified; the last one at ${last.at}`;
  if (file.equals(written)) return well("ledger", found);
  if (written.subarray(0, file.length).equals(file)) {
    const behind = `${found}; the file is ${lines.length - file.toString("utf8").split("\n").length + 1} entries behind`;
    return warning("ledger", behind, "A server that starts completes it, and one that runs within seconds; look again.");
  }
  const advice = "The database counts: move ledger.jsonl away and start the server, which writes it anew. Ask who changed it.";
  return broken("ledger", `${found}; ledger.jsonl is another`, advice);
}

async function leader(layout: HomeLayout, store: Store): Promise<Finding> {
  if (store.database.engine === "sqlite") {
    if (isServed(layout)) return well("leader", "a process serves this home");
    return warning("leader", "no process serves this home", "Start it: `tributary coordinator start --home …`.");
  }
  const lease = await leaseOf(store);
  if (lease === undefined) return broken("leader", "no replica ever led", "Start a replica, and look at its log.");
  const found = `${lease.replica}, which renewed its lease ${duration(1000 * lease.age)} ago`;
  if (1000 * lease.age <= healthLimits.lease) return well("leader", found);
  return broken("leader", found, "Start a replica; if one runs, its log says why it doesn't take the leadership over.");
}

async function rounds(store: Store, state: CoordinatorState | undefined): Promise<Finding> {
  const standstill = await store.standstill();
  const phase = phaseOf(state, standstill ?? null);
  const last = (await store.rounds.all()).at(-1);
  const outcome = last?.released === null ? "under way" : last?.released === true ? "released" : `given up (${last?.code})`;
  const ended = last === undefined ? "no round yet" : `round ${last.round}, begun at ${last.startedAt}, ${outcome}`;
  const waiting = (await store.requests()).length;
  const found = `${phase}; ${ended}${waiting === 0 ? "" : `; ${waiting} requests wait to be written`}`;
  if (standstill !== undefined) {
    const why = `${found}; ${standstill.offers} offers in a row were refused for ${standstill.reason} by ${standstill.nodes.join(", ")}`;
    return broken(
      "rounds",
      why,
      "Ask those merchants what their policy says (`tributary node check`); who connects anew is asked again.",
    );
  }
  if (phase === "paused") {
    return warning(
      "rounds",
      found,
      "An operator paused it (`coordinator audit` says who, and why): `coordinator resume` goes on.",
    );
  }
  if (last?.released === false) {
    return warning(
      "rounds",
      found,
      "Look the code up in docs/errors.md; one round that is given up is no harm, several in a row are.",
    );
  }
  return well("rounds", found);
}

async function invites(database: Database): Promise<Finding> {
  const open = await database.read((tables) =>
    tables.selectFrom("invites").select(["node", "expires"]).where("key", "is", null).orderBy("node").execute(),
  );
  const expired = open.filter(({ expires }) => Date.parse(expires) <= Date.now());
  if (expired.length === 0) return well("invites", `${open.length} open, none of them expired`);
  const found = `${expired.length} expired unused: ${expired.map(({ node }) => node).join(", ")}`;
  return warning(
    "invites",
    found,
    "Make new ones for whoever is still to come (`coordinator invite`); an expired one admits nobody.",
  );
}

async function jobs(store: Store): Promise<Finding> {
  const { waiting, oldest } = await jobsOf(store);
  const found = waiting === 0 ? "none waits" : `${waiting} wait, the oldest for ${duration(1000 * oldest)}`;
  if (oldest <= longestWait) return well("jobs", found);
  return broken(
    "jobs",
    found,
    "No worker takes them: start a replica or `tributary worker`, and look at the logs of those that run.",
  );
}

/** What the next offer names, and what training may go back to, read whole. */
async function models(objects: ObjectStore, plan: Plan, state: CoordinatorState | undefined): Promise<Finding> {
  const blobs = openBlobs(objects);
  const named = [
    ...[plan.catalogueHash, state?.modelHash ?? plan.initialModelHash, state?.optimiserHash],
    ...[state?.kept?.modelHash, state?.kept?.optimiserHash, state?.course.promoted?.modelHash],
  ];
  const needed = [...new Set(named)].flatMap((sha256) => sha256 ?? []);
  let octets = 0;
  for (const sha256 of needed) octets += (await blobs.read(sha256)).length;
  return well("models", `${needed.length} blobs are whole, ${(octets / 2 ** 20).toFixed(1)} MiB`);
}

/** Of rounds that are over. */
async function uploads(layout: HomeLayout, objects: ObjectStore, state: CoordinatorState | undefined): Promise<Finding> {
  const published = (await objects.list("uploads/")).map((name) => name.slice("uploads/".length));
  const staged = existsSync(layout.staging) ? readdirSync(layout.staging) : [];
  const current = state?.round?.number;
  const ofCurrent = (name: string) => current !== undefined && name.startsWith(`${current}.`);
  const orphans = [...published, ...staged].filter((name) => !ofCurrent(name));
  const found = `${published.length} published, ${staged.length} staged here, ${orphans.length} of rounds that are over`;
  if (orphans.length === 0) return well("uploads", found);
  return warning("uploads", found, "They go when the next round ends, or when the server is started again.");
}

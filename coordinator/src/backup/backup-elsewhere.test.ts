/** A federation whose contents lie in S3 is backed up from there and restored to there, and into a folder; what is altered in the bucket is found before it is in a backup. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTrial } from "../faults/trial.test-support.ts";
import { readStatus } from "../status.ts";
import { openBlobs } from "../storage/blobs.ts";
import { openObjects } from "../storage/objects.ts";
import { type S3Server, startS3 } from "../storage/s3-server.test-support.ts";
import { backupFederation } from "./backup.ts";
import { restoreFederation } from "./restore.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-backup-elsewhere-"));
const home = join(folder, "home");
const bucket = "s3://tributary-test";
let s3: S3Server;

/** Two rounds, and the closing entry. */
beforeAll(async () => {
  s3 = await startS3("tributary-test");
  const trial = await startTrial({ home, coordinator: { blobs: `${bucket}/first` } });
  await trial.connectAll();
  await trial.finished();
  await trial.end();
}, 120_000);
afterAll(async () => {
  await s3.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function contents(place: string) {
  const objects = await openObjects(place);
  const blobs = openBlobs(objects);
  const all = await Promise.all(
    (await blobs.list()).sort().map(async (hash) => [hash, Buffer.from(await blobs.read(hash)).toString("base64")]),
  );
  objects.close();
  return all;
}

test("from a bucket into another place of it and into a folder: the same contents, and the same standing", {
  timeout: 60_000,
}, async () => {
  const out = join(folder, "backup.tar");
  await backupFederation(home, { out, withKeys: true, blobs: `${bucket}/first` });
  const first = await contents(`${bucket}/first`);
  expect(first.length).toBeGreaterThan(2);
  const [elsewhere, local] = [join(folder, "elsewhere"), join(folder, "local")];
  await restoreFederation({ from: out, home: elsewhere, blobs: `${bucket}/second` });
  await restoreFederation({ from: out, home: local });
  expect(await contents(`${bucket}/second`)).toEqual(first);
  expect(await contents(local)).toEqual(first);
  for (const restored of [elsewhere, local]) expect(await readStatus(restored)).toEqual(await readStatus(home));
  expect(readFileSync(join(elsewhere, "ledger.jsonl"))).toEqual(readFileSync(join(home, "ledger.jsonl")));
});

test("a store that is away, a content that is altered and one that is gone are told by code, and leave no backup", {
  timeout: 120_000,
}, async () => {
  const backup = (name: string) =>
    backupFederation(home, { out: join(folder, name), withKeys: false, blobs: `${bucket}/first` });
  const { initialModelHash } = JSON.parse(readFileSync(join(home, "ledger.jsonl"), "utf8").split("\n")[0] ?? "").plan;
  const objects = await openObjects(`${bucket}/first`);
  const name = `blobs/${initialModelHash}`;
  const content = (await objects.read(name)) ?? new Uint8Array();
  await objects.put(
    name,
    content.map((octet, at) => (at === 3 ? octet ^ 1 : octet)),
  );
  await expect(backup("altered.tar")).rejects.toMatchObject({ code: "TRB_COORDINATOR_STORE_DAMAGED" });
  await objects.erase(name);
  await expect(backup("gone.tar")).rejects.toMatchObject({ code: "TRB_COORDINATOR_BLOB_UNKNOWN" });
  await objects.put(name, content);
  await s3.pause();
  await expect(backup("away.tar")).rejects.toMatchObject({ code: "TRB_COORDINATOR_BLOBS_UNREACHABLE" });
  await s3.resume();
  expect(readdirSync(folder).filter((file) => /altered|gone|away|writing/.test(file))).toEqual([]);
  await backup("whole.tar");
  objects.close();
  const damaged = join(folder, "damaged.tar");
  const tar = readFileSync(join(folder, "whole.tar"));
  const place = tar.indexOf(Buffer.from(content));
  tar[place] = (tar[place] ?? 0) ^ 1;
  writeFileSync(damaged, tar);
  await expect(
    restoreFederation({ from: damaged, home: join(folder, "nothing"), blobs: `${bucket}/third` }),
  ).rejects.toMatchObject({ code: "TRB_BACKUP_DAMAGED" });
  expect(await contents(`${bucket}/third`)).toEqual([]);
});

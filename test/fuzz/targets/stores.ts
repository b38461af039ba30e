/**
 * What a node and a coordinator wrote themselves and read again: a disk lies, a version is another one, a backup came by way of a stranger. Sealed files are
 * also opened, changed inside and sealed again with their key, which lies on the same disk.
 */

import { createCipheriv } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { decodeHistories, encodeHistories, type Histories } from "@tributary/events";
import { decodeCoordinatorState, decodeNodeState } from "@tributary/federation";
import { planHash } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { readItemNames, writeItemNames } from "../../../client/src/home/item-names.ts";
import { layoutOf, makeFolders } from "../../../client/src/home/layout.ts";
import { readOutgoing } from "../../../client/src/home/outgoing.ts";
import { pageSpool } from "../../../client/src/home/page-spool.ts";
import { changeManifest, openOrMakeStore } from "../../../client/src/home/store/changing.ts";
import { createJournal, journalPath, readJournal, recordSealer } from "../../../client/src/home/store/journal.ts";
import { readManifest, replaceManifest } from "../../../client/src/home/store/manifest.ts";
import { derivedKey, seal, unseal } from "../../../client/src/home/store/sealing.ts";
import { factsOf, readSegment, segmentPath, writeEncoded } from "../../../client/src/home/store/segments.ts";
import { readStaging, writeStaging } from "../../../client/src/home/store/staging.ts";
import { writeKey } from "../../../client/src/home/store/store-key.ts";
import { defaultPolicy, parsePolicy, policyText } from "../../../client/src/policy-document.ts";
import { readPersonal, writePersonal } from "../../../client/src/value/personal-model.ts";
import { createArchive, openArchive } from "../../../coordinator/src/backup/archive.ts";
import { manifestBytes, manifestName, readManifest as readBackupManifest } from "../../../coordinator/src/backup/manifest.ts";
import { sha256Of } from "../../../coordinator/src/storage/blobs.ts";
import { publicItems } from "../../../coordinator/src/storage/catalogue.ts";
import { openTask } from "../../../coordinator/src/work/sealed.ts";
import { parameterCount } from "../../../packages/model/src/parameters.ts";
import { examplePlan } from "../../../packages/protocol/src/plan/example-plan.ts";
import { parseAvailabilityTrace } from "../../../packages/simulate/src/scale/availability-trace.ts";
import { identityLine, readJournal as readTuning, trialLine } from "../../../packages/simulate/src/tuning/journal.ts";
import type { Choices } from "../engine/choices.ts";
import { editBytes, editJson } from "../engine/edits.ts";
import { ownFolder } from "../engine/own-folder.ts";
import { lenientText, must, type Target, textBytes, verdictLater, verdictOf } from "../engine/target.ts";

const histories: Histories = {
  customers: ["a", "bé"],
  offsets: Uint32Array.of(0, 2, 3),
  items: Int32Array.of(1, 2, 1),
  actions: Uint8Array.of(0, 1, 2),
  times: Float64Array.of(1, 2, 3),
  dwells: Float32Array.of(1, Number.NaN, 2),
  prices: Float32Array.of(1, 2, 3),
};
const encoded = encodeHistories(histories);
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

const stored: Target = {
  ...{ name: "stores-histories", parses: "stored histories, every version", longest: 1024 },
  seeds: () => [encoded, encodeHistories({ ...histories, topics: Int32Array.of(0, 0, 0) })],
  structured: (choices) => summed(editBytes(encoded.subarray(0, encoded.length - 4), choices)),
  fuzz(bytes) {
    const read = verdictOf(() => decodeHistories(bytes));
    if ("value" in read) {
      const again = encodeHistories(read.value);
      must(same(encodeHistories(decodeHistories(again)), again), "histories are read as they were written");
    }
  },
};

/** With the checksum that fits. */
function summed(bytes: Uint8Array): Uint8Array {
  const whole = Buffer.alloc(bytes.length + 4);
  whole.set(bytes);
  whole.writeUInt32LE(crc32(bytes), bytes.length);
  return new Uint8Array(whole);
}

const plan = examplePlan();
const layout = layoutOf(ownFolder("home"));
makeFolders(layout);
// the same keys and names in every process: what is found is sealed with them
const master = new Uint8Array(32).fill(9);
writeKey(layout.storeKey, master);
replaceManifest(layout, master, {
  ...{ store: "0".repeat(32), generation: 0, version: 1, edition: 0 },
  ...{ door: ["4".repeat(64)], segments: [], journals: [], erased: [] },
});
const store = openOrMakeStore(layout);
const [journal, segment, newestSegment] = ["1".repeat(32), "2".repeat(32), "3".repeat(32)];
createJournal(layout, journal);
const written = writeEncoded(layout, store, segment, encoded, factsOf(histories, "log"));
changeManifest(layout, () => ({ segments: [{ ...written, since: 1 }], journals: [{ id: journal, closed: false }] }));
writeStaging(layout, store, { fingerprint: "of the sources", segments: [segment] });
await writeItemNames(layout, { gtin: true, namespace: "shop", pairs: new Map([["sku", "id"]]), seen: new Map([["a", "b"]]) });
const weights = { mixture: { content: 1, released: 1, own: 1, history: 1 }, popularity: 1, attention: 0.5 };
await writePersonal(layout, {
  ...{ version: 1, scope: "inHouse", plan: planHash(nodeCrypto(), plan), federated: "a".repeat(64) as never, round: 3 },
  ...{ layers: ["item.weight"], weights, reserved: 0.1, parameters: new Float32Array(parameterCount(plan.model)) },
});
const spool = pageSpool(layout, () => 1_700_000_000);
await spool.add("request", 0, { body: textBytes('[{"a":1}]'), next: null });
const record = recordSealer(store, journal).record(0, histories);

/** A sealed file's begin, key and what it is bound to, so that what is inside can be changed. */
interface Sealed {
  readonly path: string;
  /** Octets before the seal. */
  readonly head: number;
  readonly purpose: string;
  readonly bound: Uint8Array;
  readonly read: () => unknown;
}
const ascii = (text: string) => Buffer.from(text, "ascii");
const manifestFile = readFileSync(layout.manifest);
const pagePath = join(layout.pages, "00000000");
const sealedFiles = {
  manifest: {
    path: layout.manifest,
    head: 48,
    purpose: "manifest",
    bound: manifestFile.subarray(0, 48),
    read: () => readManifest(layout),
  },
  staging: {
    path: layout.staging,
    head: 0,
    purpose: "staging",
    bound: ascii("TRBSTAG1"),
    read: () => readStaging(layout, store),
  },
  names: {
    path: layout.itemNames,
    head: 8,
    purpose: "item names",
    bound: ascii("TRBNAMES"),
    read: () => readItemNames(layout),
  },
  personal: {
    path: layout.personal,
    head: 8,
    purpose: "personal model",
    bound: ascii("TRBPERS1"),
    read: () => readPersonal(layout, plan),
  },
  pages: {
    ...{ path: pagePath, head: 8, purpose: "pages", bound: ascii("TRBPAGE10") },
    read: async () => {
      for await (const page of pageSpool(layout, () => 1_700_000_000).pages("request"))
        must(page.body.length >= 0, "a page has octets");
    },
  },
} as const satisfies Readonly<Record<string, Sealed>>;

/** What is inside: a head of JSON behind its length, or JSON alone. */
function changedInside({ path, head, purpose, bound }: Sealed, whole: Uint8Array, choices: Choices): Uint8Array {
  const key = derivedKey(store.master, store.manifest.store, purpose);
  const plain = unseal(whole.subarray(head), key, bound);
  if (plain === undefined) throw new Error(`${path} doesn't open`);
  const measured = path === layout.personal || path === pagePath;
  const length = measured ? Buffer.from(plain).readUInt32LE(0) : plain.length;
  const at = measured ? 4 : 0;
  if (choices.below(4) === 0)
    return new Uint8Array(Buffer.concat([whole.subarray(0, head), seal(editBytes(plain, choices), key, bound)]));
  const json: unknown = JSON.parse(Buffer.from(plain.subarray(at, at + length)).toString("utf8"));
  const text = Buffer.from(JSON.stringify(editJson(json, choices)) ?? "", "utf8");
  const measure = Buffer.alloc(at);
  if (measured) measure.writeUInt32LE(text.length);
  const inside = Buffer.concat([measure, text, plain.subarray(at + length)]);
  return new Uint8Array(Buffer.concat([whole.subarray(0, head), seal(inside, key, bound)]));
}

const sealedTargets = Object.entries(sealedFiles).map(([name, file]): Target => {
  const whole = new Uint8Array(readFileSync(file.path));
  return {
    ...{ name: `stores-${name}`, parses: `a node's ${name}, sealed`, longest: whole.length + 512 },
    seeds: () => [whole],
    structured: (choices) => changedInside(file, whole, choices),
    async fuzz(bytes) {
      mkdirSync(dirname(file.path), { recursive: true });
      writeFileSync(file.path, bytes);
      try {
        await verdictLater(async () => file.read());
      } finally {
        // the other files' keys are told by the manifest
        if (file.path === layout.manifest) writeFileSync(layout.manifest, manifestFile);
      }
    },
  };
});

const journals: Target = {
  ...{ name: "stores-journal", parses: "journals and segments, sealed", longest: 1024 },
  seeds: () => [
    new Uint8Array(Buffer.concat([ascii("TRBJRNL1"), record])),
    new Uint8Array(readFileSync(segmentPath(layout, segment))),
  ],
  structured: (choices) => {
    const inside = summed(editBytes(encoded.subarray(0, encoded.length - 4), choices));
    const place = Buffer.alloc(8);
    const bound = Buffer.concat([ascii("TRBJRNL1"), Buffer.from(store.manifest.store + journal, "hex"), place]);
    const sealed = seal(inside, derivedKey(store.master, store.manifest.store, `journal ${journal}`), bound);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(sealed.length);
    return new Uint8Array(Buffer.concat([ascii("TRBJRNL1"), length, sealed, editBytes(record, choices)]));
  },
  fuzz(bytes) {
    writeFileSync(journalPath(layout, journal), bytes);
    const read = verdictOf(() => readJournal(layout, store, journal));
    must("code" in read || read.value !== undefined, "a journal that is there is read or refused");
    const beside = newestSegment;
    writeFileSync(segmentPath(layout, beside), bytes);
    verdictOf(() => readSegment(layout, store, { id: beside, tag: written.tag }));
  },
};

const policies: Target = {
  ...{ name: "stores-policy", parses: "policy.json" },
  dictionary: ["maxEpsilon", "trainingHours", "timeZone", "Europe/Berlin", "serve", "budget", "paused"],
  seeds: () => [textBytes(policyText(defaultPolicy(plan)))],
  structured: (choices) => {
    const full = {
      ...defaultPolicy(plan),
      trainingHours: { from: "22:00", to: "06:00", timeZone: "Europe/Berlin" },
      paused: { reason: "x", until: null },
    };
    return textBytes(JSON.stringify(editJson(full, choices)) ?? "");
  },
  fuzz(bytes) {
    const read = verdictOf(() => parsePolicy(lenientText(bytes)));
    if ("value" in read)
      must(policyText(parsePolicy(policyText(read.value))) === policyText(read.value), "a policy is read as it was written");
  },
};

const documents: Target = {
  ...{ name: "stores-states", parses: "states of rounds, notes, trials, traces, public items" },
  seeds: () => [
    textBytes('{"version":2,"round":null,"charges":[],"plan":{},"roster":[]}'),
    textBytes('{"version":2,"round":{"phase":"keys","adverts":[{"sender":"a"}],"secrets":null}}'),
    textBytes('{"at":"2026-01-01T00:00:00.000Z","kind":"keys","round":1,"bytes":3,"sha256":"00"}\n'),
    textBytes(`${identityLine({ seed: 1 })}${trialLine({ recipe: 1, fold: 0, ndcg10: 0.5 } as never)}`),
    textBytes("# trace\n0,1,4\n1,2,3\n"),
    textBytes('{"id":"a","category":"books","price":1.5}\n{"id":"b"}\n'),
  ],
  structured: (choices) => {
    const round = { phase: "keys", adverts: [{ sender: "a" }], secrets: null, number: 3 };
    return textBytes(JSON.stringify(editJson({ version: 2, round, charges: [], roster: [] }, choices)) ?? "");
  },
  fuzz(bytes) {
    const text = lenientText(bytes);
    verdictOf(() => decodeNodeState(text));
    verdictOf(() => decodeCoordinatorState(text));
    verdictOf(() => readTuning(bytes, { seed: 1 }, "trials"));
    verdictOf(() => publicItems(bytes));
    const trace = verdictOf(() => parseAvailabilityTrace(text, 10));
    if ("value" in trace) trace.value.isOnline(0, 3);
    writeFileSync(layout.outgoing, bytes);
    readOutgoing(layout);
  },
};

const backupPath = join(layout.home, "backup.tar");
const backupContent = textBytes('{"name":"planHash","value":"x"}\n');
const backupManifest = {
  ...{ format: "tributary coordinator backup", version: 1, at: "2026-01-01T00:00:00.000Z", federation: "example" },
  ...{ planHash: "1".repeat(64), fingerprint: "2".repeat(64), software: "0.1.0", engine: "sqlite", schema: 3 },
  ...{ ledger: { entries: 1, head: "3".repeat(64) }, roundUnderWay: null, withKeys: false },
  files: [{ name: "tables/settings.jsonl", bytes: backupContent.length, sha256: sha256Of(backupContent) }],
} as const;
const writer = await createArchive(backupPath);
await writer.put("tables/settings.jsonl", backupContent);
await writer.put(manifestName, manifestBytes(backupManifest as never));
await writer.finish();
const tar = new Uint8Array(readFileSync(backupPath));

const backups: Target = {
  ...{ name: "stores-backup", parses: "backups: tar archives and their manifests", longest: tar.length + 2048 },
  dictionary: ["ustar", "manifest.json", "77777777777", "-0000000777", "../../x", "00000001000"],
  seeds: () => [tar, tar.subarray(0, 1024), new Uint8Array(1024)],
  structured: (choices) => changedTar(choices),
  async fuzz(bytes) {
    writeFileSync(backupPath, bytes);
    const opened = await verdictLater(() => openArchive(backupPath));
    if ("code" in opened) return;
    try {
      await verdictLater(() => readBackupManifest(opened.value, backupPath));
      for (const name of opened.value.names.slice(0, 8)) await verdictLater(() => opened.value.read(name));
    } finally {
      await opened.value.close();
    }
  },
};

/** A tar file with other fields in its headers, whose checksums fit. */
function changedTar(choices: Choices): Uint8Array {
  const bytes = Buffer.from(choices.below(2) === 0 ? tar : editBytes(tar, choices));
  for (let k = 0; k < 3 && bytes.length >= 512; k++) {
    const at = 512 * choices.below(Math.floor(bytes.length / 512));
    const field = choices.of([
      [124, 12],
      [124, 12],
      [0, 99],
      [156, 1],
    ] as const);
    const text = choices.of([
      "77777777777",
      "-0000000777",
      "00000000000",
      "00000001000",
      "abc",
      "-1000",
      "1e5",
      "./x",
      "0",
      "5",
      "",
    ]);
    bytes.fill(0, at + field[0], at + field[0] + field[1]);
    bytes.write(text.slice(0, field[1]), at + field[0], "latin1");
    const header = bytes.subarray(at, at + 512);
    const sum = header.reduce((total, octet, place) => total + (place >= 148 && place < 156 ? 0x20 : octet), 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  }
  return new Uint8Array(bytes);
}

const taskKey = Buffer.alloc(32, 9);
const task = {
  effect: {
    type: "apply",
    round: 1,
    release: 0,
    modelHash: "1".repeat(64),
    sumHash: "2".repeat(64),
    optimiserHash: null,
    survivors: 3,
    releasedBefore: 0,
  },
  plan,
};
function sealedTask(value: unknown): Uint8Array {
  const nonce = new Uint8Array(12);
  const cipher = createCipheriv("aes-256-gcm", taskKey, nonce, { authTagLength: 16 }).setAAD(Buffer.from("1.1.aa"));
  const parts = [nonce, cipher.update(JSON.stringify(value) ?? "", "utf8"), cipher.final()];
  return new Uint8Array(Buffer.concat([...parts, cipher.getAuthTag()]));
}
const tasks: Target = {
  ...{ name: "stores-task", parses: "tasks for workers, sealed", longest: 8192 },
  seeds: () => [sealedTask(task), new Uint8Array(28), new Uint8Array(3)],
  structured: (choices) => sealedTask(editJson(task, choices)),
  async fuzz(bytes) {
    await verdictLater(() =>
      openTask({ read: async () => Buffer.from(bytes) }, { task: "1.1.aa", key: taskKey.toString("hex") }),
    );
  },
};

export const targets: readonly Target[] = [stored, ...sealedTargets, journals, policies, documents, backups, tasks];

/** A certificate is kept beside the model if it holds, by the key pinned at joining and the node's own ledger; a node does without one otherwise. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { certificateBytes, certifyModel } from "@tributary/ledger";
import { identityKey, type Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exampleDrafts, exampleFederation, writeLedger } from "../../../packages/ledger/src/example-ledger.ts";
import { examplePlan } from "../../../packages/protocol/src/plan/example-plan.ts";
import { connectHttp } from "../transport/http.ts";
import { certificateFile, keepCertificate } from "./certificate.ts";

const crypto = nodeCrypto();
const federation = exampleFederation(crypto, examplePlan);
const coordinatorKey = identityKey.parse(federation.plan.coordinatorKey);
const certifier = {
  crypto,
  key: coordinatorKey,
  sign: (message: Uint8Array) => crypto.sign(message, federation.coordinator),
};
const lines = writeLedger(federation, exampleDrafts(federation));
const last = "35".repeat(32);
const bytesOf = (of: readonly string[], modelHash = last) =>
  Uint8Array.from(certificateBytes(certifyModel(certifier, { lines: of, modelHash, software: "77".repeat(32) as Sha256 })));

let models: string;
beforeEach(() => {
  models = join(mkdtempSync(join(tmpdir(), "certificate-")), "models");
});
afterEach(() => rmSync(join(models, ".."), { recursive: true }));

/** What was logged, where the coordinator answers so. */
async function keep(answer: () => Uint8Array<ArrayBuffer>, asked: string[] = []): Promise<unknown[]> {
  const said: unknown[] = [];
  const log = { info: (facts: unknown) => said.push(facts), warn: (facts: unknown) => said.push(facts) };
  const client = {
    certificate: async (modelHash: Sha256) => {
      asked.push(modelHash);
      return answer();
    },
  };
  await keepCertificate({ layout: { models }, client, crypto, coordinatorKey, log: log as never }, lines, {});
  return said;
}

test("it is asked for of the model that the ledger puts forward, and kept byte for byte", async () => {
  const asked: string[] = [];
  const bytes = bytesOf(lines);
  expect(await keep(() => bytes, asked)).toEqual([]);
  expect(asked).toEqual([last]);
  expect(readFileSync(certificateFile({ models }, last)).equals(bytes)).toBe(true);
});

test.each<[string, () => Uint8Array<ArrayBuffer>, string]>([
  ["another model's", () => bytesOf(lines, "34".repeat(32)), "TRB_CERTIFICATE_OTHER_MODEL"],
  [
    "one of another ledger",
    () => {
      const shorter = exampleDrafts(federation).slice(0, 5);
      return bytesOf(writeLedger(federation, [...shorter, { ...shorter[4], round: 5 } as never]));
    },
    "TRB_CERTIFICATE_OTHER_LEDGER",
  ],
  ["something else", () => Uint8Array.of(0x7b, 0x7d), "TRB_CERTIFICATE_INVALID"],
])("%s is not kept, and the log says why", async (_, answer, code) => {
  expect(await keep(answer)).toMatchObject([{ code }]);
  expect(existsSync(certificateFile({ models }, last))).toBe(false);
});

test("a coordinator that has none, or isn't there, keeps no node from ending", async () => {
  for (const code of ["TRB_COORDINATOR_NO_CERTIFICATE", "TRB_NODE_COORDINATOR_UNREACHABLE"] as const) {
    const said = await keep(() => {
      throw fail(code);
    });
    expect(said).toMatchObject([{ code }]);
  }
  expect(existsSync(models)).toBe(false);
});

test("a coordinator that takes the question and doesn't answer keeps no node for longer than its patience", async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const client = connectHttp(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
  const said: { code: string }[] = [];
  const log = { info: (facts: { code: string }) => void said.push(facts), warn: expect.unreachable };
  await keepCertificate({ layout: { models }, client, crypto, coordinatorKey, log: log as never }, lines, {
    signal: AbortSignal.timeout(100),
  });
  expect(said).toMatchObject([{ code: "TRB_NODE_CLOSED" }]);
  await client.close();
  silent.closeAllConnections();
  silent.close();
});

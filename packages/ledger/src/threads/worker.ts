/** A thread that checks signatures, batch by batch. */
import { parentPort } from "node:worker_threads";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { type Signatories, signatureFailures } from "../verification/signatures.ts";
import type { Batch, BatchAnswer } from "./words.ts";

const crypto = nodeCrypto();
let signatories: Signatories | undefined;

parentPort?.on("message", (batch: Batch) => {
  signatories = batch.signatories ?? signatories;
  if (signatories === undefined) throw new Error("a batch before anybody's keys");
  const keys = signatories;
  const failures = batch.lines.flatMap(([place, line]) => signatureFailures(line, place, keys, crypto, batch.whose));
  parentPort?.postMessage({ failures } satisfies BatchAnswer);
});

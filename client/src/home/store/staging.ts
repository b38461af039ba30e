/**
 * store/staging: which segments an import under way has written so far, for whoever runs the same import again after it was killed. A segment stands here
 * before its file is written, so that none is swept away; whether the file is whole, its seal says.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { z } from "zod";
import { reasonOf } from "../../reason.ts";
import { temporarySuffix } from "../durable.ts";
import type { Layout } from "../layout.ts";
import type { OpenStore } from "./manifest.ts";
import { jsonWithin, seal, unseal, withKey } from "./sealing.ts";

const stagingSchema = z.strictObject({
  /** Of the sources and how they are read. */
  fingerprint: z.string(),
  /** In the order in which they were delivered. */
  segments: z.array(z.string().regex(/^[0-9a-f]{32}$/)),
});
export type Staging = z.infer<typeof stagingSchema>;

const bound = Buffer.from("TRBSTAG1", "ascii");
const withStagingKey = <Result>({ master, manifest }: OpenStore, use: (key: Uint8Array) => Result): Result =>
  withKey(master, manifest.store, "staging", use);

/** Undefined where there is none that can be read: the import begins anew. */
export function readStaging(layout: Layout, store: OpenStore): Staging | undefined {
  if (!existsSync(layout.staging)) return undefined;
  let file: Buffer;
  try {
    file = readFileSync(layout.staging);
  } catch (cause) {
    throw fail("TRB_NODE_STORE_UNREADABLE", { reason: reasonOf(cause) }, cause);
  }
  const plain = withStagingKey(store, (key) => unseal(file, key, bound));
  return plain && jsonWithin(stagingSchema, plain);
}

/**
 * Not synced: a killed process leaves it whole, and after a power failure an import begins anew, at worst.
 * @throws TRB_NODE_HOME_UNWRITABLE
 */
export function writeStaging(layout: Layout, store: OpenStore, staging: Staging): void {
  const temporary = `${layout.staging}${temporarySuffix}`; // one import at a time
  try {
    const plain = Buffer.from(JSON.stringify(staging), "utf8");
    const sealed = withStagingKey(store, (key) => seal(plain, key, bound));
    writeFileSync(temporary, sealed, { mode: 0o600 });
    renameSync(temporary, layout.staging);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw fail("TRB_NODE_HOME_UNWRITABLE", { file: layout.staging, reason: reasonOf(cause) }, cause);
  }
}

export const removeStaging = (layout: Layout): void => rmSync(layout.staging, { force: true });

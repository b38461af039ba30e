/** A model's certificate, kept beside the model (`models/<sha256>.certificate.json`): what the coordinator has signed of what the model cost. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isTributaryError } from "@tributary/errors";
import { parseLine, publishedHash, verifyCertificate } from "@tributary/ledger";
import { type Crypto, fingerprintOf, type IdentityKey } from "@tributary/protocol";
import type { Logger } from "pino";
import type { CoordinatorClient, RetryOptions } from "../transport/requests.ts";
import { replaceFile } from "./durable.ts";
import type { Layout } from "./layout.ts";

interface CertificateParts {
  readonly layout: Pick<Layout, "models">;
  readonly client: Pick<CoordinatorClient, "certificate">;
  readonly crypto: Crypto;
  /** Pinned when the federation was joined. */
  readonly coordinatorKey: IdentityKey;
  readonly log: Pick<Logger, "info" | "warn">;
}

/** Of the model `hash`. */
export const certificateFile = ({ models }: Pick<Layout, "models">, hash: string): string =>
  join(models, `${hash}.certificate.json`);

/**
 * Fetches the certificate of the model that the node's own, closed ledger puts forward, and keeps it if it holds. A node does without one where the
 * coordinator has none, or doesn't answer: whatever it says can be made anew from the ledger.
 * @param lines the node's verified copy
 */
export async function keepCertificate(
  { layout, client, crypto, coordinatorKey, log }: CertificateParts,
  lines: readonly string[],
  options: RetryOptions,
): Promise<void> {
  try {
    const modelHash = publishedHash(lines.map(parseLine));
    const bytes = await client.certificate(modelHash, options);
    const ledger = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
    const key = fingerprintOf(crypto, coordinatorKey);
    const [finding] = verifyCertificate(bytes, { crypto, key, modelHash, ledger }).findings;
    if (finding !== undefined) {
      log.warn({ code: finding.code, reason: finding.message }, "the model's certificate doesn't hold, and isn't kept");
      return;
    }
    mkdirSync(layout.models, { recursive: true, mode: 0o700 });
    await replaceFile(certificateFile(layout, modelHash), bytes);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    log.info({ code: error.code, reason: error.message }, "no certificate of the model");
  }
}

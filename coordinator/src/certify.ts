/**
 * Model certificates of a home: `certificates/<model's SHA-256>.json`, signed by its identity. The model that a closed ledger puts forward has one without
 * anybody asking; nodes fetch it over HTTP.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import {
  type CertificateRequest,
  certificateBytes,
  certifyModel,
  type ModelCertificate,
  parseLine,
  publishedHash,
} from "@tributary/ledger";
import { softwareHash } from "@tributary/ledger/software";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { type CoordinatorIdentity, identityFromFile } from "./home/identity.ts";
import { type HomeLayout, homeLayout, writeDurably } from "./home/layout.ts";
import { homeOf, openPlace, type Place } from "./storage/place.ts";
import type { Store } from "./storage/store.ts";

export interface CertifyHomeOptions extends Pick<CertificateRequest, "declared"> {
  /** Whose model; 0 is the initial one. Default: the one that the ledger puts forward. */
  readonly round?: number;
}

export interface WrittenCertificate {
  readonly path: string;
  readonly certificate: ModelCertificate;
}

/**
 * Whether or not the server runs. What was certified before is replaced.
 * @throws TRB_COORDINATOR_HOME_EMPTY, TRB_COORDINATOR_KEY_UNREADABLE, TRB_LEDGER_EMPTY before the federation begins, TRB_CERTIFICATE_OTHER_MODEL for a
 *   round that released none, TRB_CERTIFICATE_INVALID for a period that can't be
 */
export async function certifyHome(place: Place, options: CertifyHomeOptions = {}): Promise<WrittenCertificate> {
  const layout = homeLayout(homeOf(place));
  const store = await openPlace(place);
  try {
    return writeCertificate(layout, identityFromFile(layout.identity), await store.ledgerLines(0), options);
  } finally {
    await store.close();
  }
}

/** What was signed of a model in this home; undefined where nothing was. */
export function certificateOf(home: string, modelHash: string): Uint8Array | undefined {
  const path = certificatePath(homeLayout(home), modelHash);
  return existsSync(path) ? readFileSync(path) : undefined;
}

const certificatePath = ({ certificates }: Pick<HomeLayout, "certificates">, modelHash: string): string =>
  join(certificates, `${modelHash}.json`);

function writeCertificate(
  layout: HomeLayout,
  identity: CoordinatorIdentity,
  lines: readonly string[],
  { round, declared }: CertifyHomeOptions,
): WrittenCertificate {
  const certificate = certifyModel(
    { ...identity, crypto: nodeCrypto() },
    {
      ...{ lines, software: softwareHash(import.meta.url) },
      ...(round === undefined ? {} : { modelHash: modelOf(lines, round) }),
      ...(declared === undefined ? {} : { declared }),
    },
  );
  mkdirSync(layout.certificates, { recursive: true, mode: 0o700 });
  const path = certificatePath(layout, certificate.modelHash);
  writeDurably(path, certificateBytes(certificate), 0o644);
  return { path, certificate };
}

function modelOf(lines: readonly string[], round: number): string {
  for (const line of lines) {
    const entry = parseLine(line);
    if (entry.kind === "genesis" && round === 0) return entry.plan.initialModelHash;
    if (entry.kind === "round" && entry.round === round && entry.sum === undefined) return entry.nextModelHash;
  }
  throw fail("TRB_CERTIFICATE_OTHER_MODEL", { found: `round ${round}`, expected: "no round that released a model" });
}

export interface Certificates {
  /** The certificate's bytes; undefined where the model has none. */
  read(modelHash: string): Promise<Uint8Array | undefined>;
}

/**
 * Of a home that is served. Once the ledger is closed, the model that it puts forward is certified when it is first asked for, or at `finish`.
 */
export function openCertificates(
  layout: HomeLayout,
  identity: CoordinatorIdentity,
  store: Pick<Store, "ledgerLines" | "ledgerSize">,
): Certificates & { finish(): Promise<void> } {
  let published: string | undefined;
  /** Nothing before the closing entry: whoever asks must not cost more than a look at the last line. */
  const finish = async () => {
    if (published !== undefined) return;
    const [last] = await store.ledgerLines(Math.max(0, (await store.ledgerSize()) - 1));
    if (last === undefined || parseLine(last).kind !== "closing") return;
    const lines = await store.ledgerLines(0);
    published = publishedHash(lines.map(parseLine));
    if (!existsSync(certificatePath(layout, published))) writeCertificate(layout, identity, lines, {});
  };
  return {
    finish,
    async read(modelHash) {
      await finish();
      return certificateOf(layout.home, modelHash);
    },
  };
}

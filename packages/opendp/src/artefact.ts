/**
 * The artefact that `build` left behind: `artefact/opendp.wasm` or `artefact/opendp.node`, beside `artefact/record.json`, which says what it
 * was built from and what its hash is. Neither is committed.
 */
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "@tributary/errors";

/** What the build wrote down. */
export interface ArtefactRecord {
  readonly kind: "wasm" | "addon";
  readonly file: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
  /** SHA-256 over the Rust sources and the lockfile that it was built from. */
  readonly source: string;
  /** For example "linux-x64"; an addon runs nowhere else. */
  readonly platform: string;
  readonly rustc: string;
}

export interface Artefact {
  readonly record: ArtefactRecord;
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const room = fileURLToPath(new URL("..", import.meta.url));
export const rustFolder = join(room, "rust");
export const artefactFolder = join(room, "artefact");
export const platform = `${process.platform}-${process.arch}`;

const recordName = "record.json";
export const recordPath = (folder = artefactFolder) => join(folder, recordName);

export const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

/** One hash over everything that decides what cargo builds. */
export function sourceHash(): string {
  const files = globSync(["Cargo.{toml,lock}", "*/Cargo.toml", "*/build.rs", "*/src/**/*.rs"], { cwd: rustFolder })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => !file.startsWith("target/"))
    .sort();
  return sha256(files.map((file) => `${file} ${sha256(readFileSync(join(rustFolder, file)))}\n`).join(""));
}

/**
 * Reads the artefact and holds it against its record, before anything of it is run.
 * @throws TRB_OPENDP_NOT_BUILT, TRB_OPENDP_ARTEFACT_CHANGED
 */
export function readArtefact(folder = artefactFolder): Artefact {
  if (!existsSync(recordPath(folder))) throw fail("TRB_OPENDP_NOT_BUILT", { reason: "nothing was built" });
  const record = parseRecord(readFileSync(recordPath(folder), "utf8"));
  if (record.kind === "addon" && record.platform !== platform) {
    throw fail("TRB_OPENDP_NOT_BUILT", { reason: `what was built is for ${record.platform}` });
  }
  if (record.source !== sourceHash())
    throw fail("TRB_OPENDP_NOT_BUILT", { reason: "what was built is older than its sources" });
  const path = join(folder, record.file);
  if (!existsSync(path)) throw fail("TRB_OPENDP_NOT_BUILT", { reason: `${record.file} is gone` });
  const bytes = readFileSync(path);
  const found = sha256(bytes);
  if (found !== record.sha256) {
    throw fail("TRB_OPENDP_ARTEFACT_CHANGED", { file: record.file, found, expected: record.sha256 });
  }
  return { record, path, bytes };
}

/** @throws TRB_OPENDP_NOT_BUILT */
function parseRecord(text: string): ArtefactRecord {
  const unreadable = () => fail("TRB_OPENDP_NOT_BUILT", { reason: `${recordName} can't be read` });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable();
  }
  const named = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const { kind, file, sha256, source, platform, rustc } = named;
  const texts = [file, sha256, source, platform, rustc].every((field) => typeof field === "string");
  const known = (kind === "wasm" && file === "opendp.wasm") || (kind === "addon" && file === "opendp.node");
  if (!texts || !known) throw unreadable();
  return value as ArtefactRecord;
}

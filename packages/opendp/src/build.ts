/**
 * `pnpm --filter @opendp/opendp build`: cargo makes the artefact, and its hash is written down beside it.
 *
 * WebAssembly where rustc has the target wasm32-unknown-unknown, the addon for this machine otherwise; `--addon` and `--wasm` choose. What
 * is there already is kept when it was built from the same sources. `--if-cargo` does nothing where there is no cargo.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fail, isTributaryError } from "@tributary/errors";
import {
  type ArtefactRecord,
  artefactFolder,
  platform,
  readArtefact,
  recordPath,
  rustFolder,
  sha256,
  sourceHash,
} from "./artefact.ts";

const wasmTarget = "wasm32-unknown-unknown";
const flags = { wasm: { type: "boolean" }, addon: { type: "boolean" }, "if-cargo": { type: "boolean" } } as const;

try {
  build();
} catch (error) {
  if (!isTributaryError(error)) throw error;
  console.error(`${error.code}  ${error.message}\n  what to do: ${error.advice}`);
  process.exitCode = 1;
}

function build(): void {
  const { values } = parseArgs({ options: flags });
  const cargo = tool("cargo");
  if (cargo === undefined) {
    if (!values["if-cargo"]) throw fail("TRB_OPENDP_BUILD_FAILED", { reason: "there is no cargo" });
    console.log("OpenDP is not built: there is no cargo");
    return;
  }
  const kind = values.wasm ? "wasm" : values.addon ? "addon" : hasTarget() ? "wasm" : "addon";
  const present = existing();
  if (present?.kind === kind) {
    console.log(`${present.file} is up to date  ${present.sha256}`);
    return;
  }
  const crate = kind === "wasm" ? "opendp-wasm" : "opendp-addon";
  const target = kind === "wasm" ? ["--target", wasmTarget] : [];
  const cargoArguments = [
    "build",
    "--release",
    "--locked",
    "--package",
    crate,
    ...target,
    "--message-format",
    "json-render-diagnostics",
  ];
  const { status, stdout } = spawnSync(cargo, cargoArguments, {
    cwd: rustFolder,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw fail("TRB_OPENDP_BUILD_FAILED", { reason: `cargo ended with ${status ?? "a signal"}` });
  const record = keep(kind, builtFile(stdout, crate));
  console.log(`${record.file}  ${record.sha256}`);
}

/** What is there, when it may be kept. */
function existing(): ArtefactRecord | undefined {
  try {
    return readArtefact().record;
  } catch (error) {
    if (isTributaryError(error)) return undefined;
    throw error;
  }
}

/** Where cargo says that it put the crate's library. */
function builtFile(messages: string, crate: string): string {
  const name = crate.replaceAll("-", "_");
  for (const line of messages.split("\n")) {
    if (!line.startsWith("{")) continue;
    const message: { reason?: string; target?: { name?: string }; filenames?: string[] } = JSON.parse(line);
    const [file] = message.filenames ?? [];
    if (message.reason === "compiler-artifact" && message.target?.name === name && file !== undefined) return file;
  }
  throw fail("TRB_OPENDP_BUILD_FAILED", { reason: "cargo names no library" });
}

function keep(kind: ArtefactRecord["kind"], built: string): ArtefactRecord {
  const file = kind === "wasm" ? "opendp.wasm" : "opendp.node";
  rmSync(artefactFolder, { recursive: true, force: true }); // a new file: another process may have the old one loaded
  mkdirSync(artefactFolder, { recursive: true });
  copyFileSync(built, join(artefactFolder, file));
  const record: ArtefactRecord = {
    kind,
    file,
    sha256: sha256(readFileSync(join(artefactFolder, file))),
    source: sourceHash(),
    platform,
    rustc: version("rustc"),
  };
  writeFileSync(recordPath(), `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

/** The command's path: on PATH, or where rustup puts it. */
function tool(name: string): string | undefined {
  const candidates = [process.env[name.toUpperCase()] ?? name, join(homedir(), ".cargo", "bin", name)];
  return candidates.find((path) => spawnSync(path, ["--version"], { stdio: "ignore" }).status === 0);
}

function version(name: string): string {
  const path = tool(name);
  return path === undefined ? "unknown" : spawnSync(path, ["--version"], { encoding: "utf8" }).stdout.trim();
}

function hasTarget(): boolean {
  const rustc = tool("rustc");
  if (rustc === undefined) return false;
  const { status, stdout } = spawnSync(rustc, ["--print", "target-libdir", "--target", wasmTarget], { encoding: "utf8" });
  return status === 0 && existsSync(stdout.trim());
}

/**
 * `pnpm supply-chain [CHECK …] [--write] [--out FILE]`: resolutions, scripts, licences, native, sbom, audit; all of them without a name.
 * Exit codes: 0 all in order; 1 something is wrong; 69 (EX_UNAVAILABLE of sysexits.h) nothing is wrong, but something couldn't be found out.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkAudit } from "./audit.ts";
import type { Checked } from "./finding.ts";
import { checkInstallScripts } from "./install-scripts.ts";
import { installedPackages } from "./installed.ts";
import { checkLicences } from "./licences.ts";
import { closureOf, readLockfile, root } from "./lockfile.ts";
import { checkNativeParts, nativeParts, nativePartsPage } from "./native-parts.ts";
import { checkResolutions, readWorkspaceRules } from "./resolutions.ts";
import { faultsOfSbom, sbomOf } from "./sbom.ts";

/** The package that people install; all others of this repository come with it. */
const product = "packages/cli";
const unavailable = 69;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Writes docs/native-parts.md. */
    write: { type: "boolean", default: false },
    /** Where the bill of materials goes. */
    out: { type: "string" },
  },
});

const lockfile = readLockfile();
const closure = closureOf(lockfile, product);
const installed = installedPackages();

const checks: Readonly<Record<string, () => Checked | Promise<Checked>>> = {
  resolutions: () => checkResolutions(lockfile),
  scripts: () => checkInstallScripts(lockfile, installed, readWorkspaceRules()),
  licences: () => checkLicences(closure, installed),
  native: checkNative,
  sbom: checkSbom,
  audit: checkAudit,
};

/** On Linux (x64) the page has to say what is installed, hash by hash; elsewhere other packages are. */
function checkNative(): Checked {
  const parts = nativeParts(closure, installed);
  const checked = checkNativeParts(parts, closure);
  if (process.platform !== "linux" || process.arch !== "x64") return checked;
  const path = join(root, "docs", "native-parts.md");
  const page = nativePartsPage(parts, closure);
  if (values.write) writeFileSync(path, page);
  const same = existsSync(path) && readFileSync(path, "utf8") === page;
  const wrong = same ? [] : ["docs/native-parts.md is not what is installed: `pnpm supply-chain native --write`"];
  return { ...checked, wrong: [...checked.wrong, ...wrong] };
}

async function checkSbom(): Promise<Checked> {
  const epoch = process.env["SOURCE_DATE_EPOCH"];
  const text = sbomOf(closure, installed, { sourceDateEpoch: epoch === undefined ? undefined : Number(epoch) });
  const wrong = await faultsOfSbom(text);
  if (values.out !== undefined && wrong.length === 0) writeFileSync(values.out, text);
  const where = values.out === undefined ? "" : `, in ${values.out}`;
  return { name: "bill of materials", looked: `CycloneDX 1.6, ${closure.length} components${where}`, wrong };
}

const chosen = positionals.length === 0 ? Object.keys(checks) : positionals;
const results: Checked[] = [];
for (const name of chosen) {
  const check = checks[name];
  if (check === undefined) throw new Error(`there is no check ${name}: ${Object.keys(checks).join(", ")}`);
  const result = await check();
  results.push(result);
  const verdict = result.unknown !== undefined ? "couldn't be asked" : result.wrong.length === 0 ? "in order" : "WRONG";
  process.stdout.write(`${verdict.padEnd(18)} ${result.name}: ${result.unknown ?? result.looked}\n`);
  for (const line of result.wrong) process.stdout.write(`  ${line}\n`);
}
const isWrong = results.some(({ wrong }) => wrong.length > 0);
process.exitCode = isWrong ? 1 : results.some((one) => one.unknown !== undefined) ? unavailable : 0;

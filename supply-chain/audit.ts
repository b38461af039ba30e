/**
 * Whether a known weakness is in what is installed with the product: `pnpm audit --prod` asks the registry. Where the registry can't be asked, or answers something else than an
 * audit, nothing is known, and that is said: silence is not "clean".
 */
import { spawnSync } from "node:child_process";
import type { Checked } from "./finding.ts";
import { root } from "./lockfile.ts";

const name = "audit";

/** Asks by pnpm 10, as everything here is installed. */
export function checkAudit(): Checked {
  const { stdout, error, signal } = spawnSync("npx", ["-y", "pnpm@10", "audit", "--prod", "--json"], {
    ...{ cwd: root, encoding: "utf8", timeout: 120_000, maxBuffer: 2 ** 26, shell: process.platform === "win32" },
  });
  if (error !== undefined || signal !== null) return unknown(`pnpm audit didn't end: ${error?.message ?? signal}`);
  return auditOf(stdout);
}

const unknown = (why: string): Checked => ({ name, looked: "nothing", wrong: [], unknown: why });

const field = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;

/** What an answer of `pnpm audit --json` amounts to. Only an answer that counts dependencies and lists advisories is one. */
export function auditOf(answer: string): Checked {
  let read: unknown;
  try {
    read = JSON.parse(answer);
  } catch {
    return unknown(`pnpm audit answered no JSON: ${answer.trim().slice(0, 200)}`);
  }
  const refused = field(field(read, "error"), "message");
  if (refused !== undefined) return unknown(String(refused));
  const advisories = field(read, "advisories");
  const vulnerabilities = field(field(read, "metadata"), "vulnerabilities");
  const dependencies = ["dependencies", "totalDependencies"].map((key) => field(field(read, "metadata"), key));
  const count = dependencies.find((one) => typeof one === "number" && one > 0);
  if (typeof advisories !== "object" || advisories === null || typeof vulnerabilities !== "object" || count === undefined)
    return unknown("pnpm audit answered something that is no audit");
  const counted = Object.values(vulnerabilities ?? {}).reduce((sum: number, one) => sum + Number(one), 0);
  const listed = Object.values(advisories).map((one) =>
    ["severity", "module_name", "vulnerable_versions", "title", "url"].map((key) => String(field(one, key) ?? "?")).join(" "),
  );
  const unlisted = counted > 0 && listed.length === 0 ? [`${counted} weaknesses, which the answer doesn't list`] : [];
  return { name, looked: `${String(count)} dependencies, by the registry's advisories`, wrong: [...listed, ...unlisted] };
}

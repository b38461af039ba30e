/**
 * The process in which libFuzzer feeds one target: `node worker.ts NAME SECONDS FINDINGS [libFuzzer's options]`. It goes on after findings, writes the first input of each kind
 * to the folder FINDINGS as `HASH` with `HASH.json` beside it, and tells on stderr what libFuzzer tells.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fedBy, inputOf } from "./choices.ts";
import { beginJazzer, cacheFolder } from "./jazzer.ts";
import type { Finding } from "./oracle.ts";
import { defaultLongest } from "./target.ts";

/** Bytes above which libFuzzer ends the process, of all memory. */
const mostMebibytes = 3072;
/** Seconds after which an input counts as one that never ends. */
const hangs = 30;
const mostFindings = 20;

const [name = "", seconds = "60", findings = "", ...others] = process.argv.slice(2);
const repository = fileURLToPath(new URL("../../..", import.meta.url));
const folder = (kind: string) => join(cacheFolder, kind, name);
const dictionary = join(folder("seeds"), "..", `${name}.dictionary`);
for (const one of [folder("corpus"), folder("seeds"), findings]) mkdirSync(one, { recursive: true });

/** Rows of choices to begin with: each a document as it is, and one that is changed a lot. */
const rows = [Uint8Array.of(1), ...Array.from({ length: 24 }, (_, k) => Uint8Array.of(1, ...rowOf(k)))];

function rowOf(k: number): Uint8Array {
  return createHash("sha512")
    .update(`choices ${k}`)
    .digest()
    .subarray(0, 8 + 2 * k);
}

const { core, options } = await beginJazzer(
  [
    ...[
      folder("corpus"),
      folder("seeds"),
      `-max_total_time=${seconds}`,
      `-rss_limit_mb=${mostMebibytes}`,
      "-malloc_limit_mb=1024",
    ],
    ...["-use_value_profile=1", "-print_final_stats=1", `-artifact_prefix=${findings}/`, `-dict=${dictionary}`, ...others],
  ],
  hangs,
  (path) =>
    path.startsWith(repository) &&
    (!path.slice(repository.length).startsWith("test/fuzz/") || path.endsWith("/planted-parser.ts")),
);
const { judge } = await import("./oracle.ts");
const { targetNamed } = await import("../targets/targets.ts");
const target = await targetNamed(name);
const seeds = await target.seeds();
for (const input of [...seeds.map(inputOf), ...(target.structured === undefined ? [] : rows)]) {
  const path = join(folder("seeds"), createHash("sha1").update(input).digest("hex"));
  if (!existsSync(path)) writeFileSync(path, input);
}
const longest = Math.max(target.longest ?? defaultLongest, ...seeds.map(({ length }) => length + 1));
writeFileSync(dictionary, (target.dictionary ?? []).map((word) => `${quoted(word)}\n`).join(""));
options.get("fuzzerOptions").push(`-max_len=${longest}`);

/** libFuzzer's dictionaries: one word a line, octets that don't print as \xHH. */
function quoted(word: string): string {
  const octets = [...Buffer.from(word, "utf8")];
  const printed = octets.map((octet) =>
    octet < 0x20 || octet > 0x7e || octet === 0x22 || octet === 0x5c
      ? `\\x${octet.toString(16).padStart(2, "0")}`
      : String.fromCharCode(octet),
  );
  return `"${printed.join("")}"`;
}

const known = new Set<string>();

function keep(fed: Uint8Array, finding: Finding): void {
  if (known.has(finding.signature)) return;
  known.add(finding.signature);
  const hash = createHash("sha256").update(fed).digest("hex").slice(0, 16);
  writeFileSync(join(findings, hash), fed);
  writeFileSync(join(findings, `${hash}.json`), JSON.stringify(finding));
  process.stderr.write(`FINDING ${finding.signature}\n`);
  if (known.size >= mostFindings) throw new Error("enough was found"); // ends the process
}

const fuzz = (data: Buffer): void | Promise<void> => {
  const fed = Uint8Array.from(fedBy(data, target.structured)); // libFuzzer's own memory changes underneath
  const finding = judge(target, fed);
  if (finding instanceof Promise) {
    return finding.then((one) => {
      if (one !== undefined) keep(fed, one);
    });
  }
  if (finding !== undefined) keep(fed, finding);
};

const { returnCode } = await core.startFuzzingNoInit(core.asFindingAwareFuzzFn(fuzz), options);
process.exit(returnCode);

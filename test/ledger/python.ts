/** Starts Python for tests of docs/verify/verify.py: few times, each with many files or questions. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../../docs/verify/verify.py", import.meta.url));

/** What starts Python 3.9 or later: this machine's, or where it has none (or `TRIBUTARY_TEST_PYTHON` is `webassembly`) the registry's. */
function findPython(): readonly [command: string, ...options: string[]] {
  const installed = process.env["TRIBUTARY_TEST_PYTHON"] === "webassembly" ? [] : ["python3", "python"];
  for (const command of installed) {
    const found = spawnSync(command, ["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]);
    if (found.status === 0) return [command];
  }
  return [
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    fileURLToPath(new URL("./webassembly-python.ts", import.meta.url)),
  ];
}
const [python, ...pythonOptions] = findPython();

/** How deep a value of a test may be nested: in WebAssembly Python dies of what is a RecursionError elsewhere. */
export const deepestNesting = pythonOptions.length === 0 ? 100_000 : 500;

/** What verify.py says of a file, as far as tests look at it. */
export interface Verdict {
  readonly file: string;
  readonly verified: boolean;
  readonly findings: readonly {
    readonly entry: number;
    readonly line: number;
    readonly code: string;
    readonly reason: string;
  }[];
  readonly unchecked: readonly string[];
}

interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Its answer to any command line. Without -B it would leave compiled code in docs. */
export function runVerifier(...options: readonly string[]): Answer {
  return spawnSync(python, [...pythonOptions, "-B", script, ...options], { encoding: "utf8", maxBuffer: 2 ** 28 });
}

/** What becomes of files that are on disk for that long. */
export function withFiles<Value>(files: readonly Uint8Array[], use: (paths: readonly string[]) => Value): Value {
  const folder = mkdtempSync(join(tmpdir(), "tributary-verify-"));
  try {
    const paths = files.map((_, i) => join(folder, `${i}.jsonl`));
    for (const [i, bytes] of files.entries()) writeFileSync(paths[i] as string, bytes);
    return use(paths);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Its exit code, and a verdict on each file. @throws where it says anything on stderr, as it does for no file's sake */
export function verifyFiles(
  files: readonly Uint8Array[],
  ...options: readonly string[]
): { readonly status: number | null; readonly verdicts: readonly Verdict[] } {
  const { status, stdout, stderr } = withFiles(files, (paths) => runVerifier("--json", ...options, ...paths));
  if (stderr !== "") throw new Error(`verify.py: ${stderr}`);
  const verdicts = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Verdict);
  if (verdicts.length !== files.length) throw new Error(`${verdicts.length} verdicts on ${files.length} files`);
  return { status, verdicts };
}

/** Evaluates an expression over `given` with everything that verify.py defines. */
export function evaluate<Value>(expression: string, given: unknown): Value {
  const program = `import json, sys
sys.path.insert(0, ${JSON.stringify(dirname(script))})
from verify import *
given = json.load(sys.stdin)
print(json.dumps(${expression}))`;
  const options = { input: JSON.stringify(given), encoding: "utf8", maxBuffer: 2 ** 28 } as const;
  return JSON.parse(execFileSync(python, [...pythonOptions, "-B", "-c", program], options)) as Value;
}

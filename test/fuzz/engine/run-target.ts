/** One target, fuzzed in a process of its own for some seconds, and what came of it. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { fedBy } from "./choices.ts";
import type { Finding } from "./oracle.ts";
import type { Target } from "./target.ts";

export interface FoundInput extends Finding {
  readonly fed: Uint8Array;
}

/** As libFuzzer counts: features are edges with how often they are passed, and comparisons with how near they come. */
export interface TargetRun {
  readonly target: Target;
  readonly executions: number;
  readonly perSecond: number;
  readonly edges: number;
  readonly features: number;
  readonly corpus: number;
  readonly found: readonly FoundInput[];
  /** What the process said at its end, if it ended otherwise than it should. */
  readonly broke: string | undefined;
}

const worker = fileURLToPath(new URL("worker.ts", import.meta.url));
/** Words of libFuzzer's lines: #1234 NEW cov: 17 ft: 43 corp: 24/6193b … exec/s: 60000 … */
const progress = /^#(\d+)\s.*cov: (\d+) ft: (\d+) corp: (\d+)\//;
const lastLines = 25;
/** What loading, and writing the corpus, may take beside the seconds that were asked for. */
const graceSeconds = 180;

/** @param libFuzzer more of its options */
export async function runTarget(target: Target, seconds: number, libFuzzer: readonly string[] = []): Promise<TargetRun> {
  const folder = mkdtempSync(join(tmpdir(), `fuzz-run-${target.name}-`));
  const findings = join(folder, "findings");
  mkdirSync(findings);
  try {
    const began = { at: performance.now() };
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", worker, target.name, String(seconds), findings, ...libFuzzer],
      {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, TMPDIR: folder },
      },
    );
    const overdue = setTimeout(() => child.kill("SIGKILL"), (seconds + graceSeconds) * 1000);
    let counts = [0, 0, 0, 0];
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      const found = progress.exec(line);
      if (found !== null && counts[0] === 0) began.at = performance.now();
      if (found !== null) counts = found.slice(1).map(Number);
      said.push(line);
      if (said.length > lastLines) said.shift();
    }
    const code = child.exitCode ?? (await new Promise((resolve) => child.once("exit", resolve)));
    clearTimeout(overdue);
    const [executions = 0, edges = 0, features = 0, corpus = 0] = counts;
    const found = foundIn(findings, target);
    return {
      ...{ target, executions, edges, features, corpus, found },
      perSecond: executions / Math.max(1, (performance.now() - began.at) / 1000),
      broke: code === 0 || found.length > 0 ? undefined : `${code ?? child.signalCode}\n${said.join("\n")}`,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the process kept, and what libFuzzer did as it ended it: inputs that never ended, or took all memory. */
function foundIn(folder: string, target: Target): readonly FoundInput[] {
  return readdirSync(folder).flatMap((name): FoundInput[] => {
    const bytes = () => new Uint8Array(readFileSync(join(folder, name)));
    const ended = /^(timeout|oom|crash|leak)-/.exec(name);
    if (ended !== null) {
      const fed = fedBy(bytes(), target.structured);
      return [{ signature: `libFuzzer: ${ended[1]}`, report: `${fed.length} bytes ended the process: ${ended[1]}`, fed }];
    }
    if (!name.endsWith(".json")) return [];
    const finding = JSON.parse(readFileSync(join(folder, name), "utf8")) as Finding; // written by worker.ts
    return [{ ...finding, fed: new Uint8Array(readFileSync(join(folder, name.slice(0, -".json".length)))) }];
  });
}

/**
 * How a test looks into a process that it has started: what this file's preloaded half writes when it is asked by a signal. Memory is counted after the garbage
 * is collected, so that what is left is held by somebody.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";

export interface Insight {
  /** Octets on the main thread's heap, and outside of it. */
  readonly heap: number;
  readonly outside: number;
  /** Connections that its servers have taken. */
  readonly served: number;
}

/** Environment of a process that can be looked into. */
export const lookedInto = {
  NODE_OPTIONS: `--disable-warning=ExperimentalWarning --import ${import.meta.url}`,
  TRIBUTARY_TEST_INSIGHT: "1",
};

const fileOf = (pid: number) => join(tmpdir(), `tributary-insight-${pid}.json`);

/** @param pid of a process whose environment has `lookedInto` */
export async function lookInto(pid: number, seconds = 60): Promise<Insight> {
  const file = fileOf(pid);
  rmSync(file, { force: true });
  process.kill(pid, "SIGUSR2");
  for (const end = Date.now() + 1e3 * seconds; !existsSync(file); ) {
    if (Date.now() > end) throw new Error(`process ${pid} doesn't answer`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const insight = JSON.parse(readFileSync(file, "utf8")) as Insight;
  rmSync(file);
  return insight;
}

function answer(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect(); // what the first one's finalisers let go of
  const { heapUsed: heap, external: outside } = process.memoryUsage(); // buffers are part of `external`
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): readonly unknown[] };
  const served = handles().filter((handle) => handle instanceof Socket && "server" in handle && handle.server);
  const insight: Insight = { heap, outside, served: served.length };
  const beside = join(tmpdir(), randomUUID());
  writeFileSync(beside, JSON.stringify(insight));
  renameSync(beside, fileOf(process.pid));
}

if (process.env["TRIBUTARY_TEST_INSIGHT"] === "1" && isMainThread) process.on("SIGUSR2", answer);

/** A process that runs one `tributary` command after the other (`run-lines.ts`), from the side of whoever asks it. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Asked, Ran } from "./run-lines.ts";

export interface OneProcess {
  /** Commands that are asked for together run in their order. */
  run(asked: readonly Asked[]): Promise<Ran[]>;
  close(): void;
}

export function oneProcess(environment: Readonly<Record<string, string>> = {}): OneProcess {
  const script = fileURLToPath(new URL("run-lines.ts", import.meta.url));
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script], {
    env: { ...process.env, NODE_OPTIONS: "", ...environment },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    run: async (asked) => {
      for (const one of asked) child.stdin.write(`${JSON.stringify(one)}\n`);
      const ran: Ran[] = [];
      while (ran.length < asked.length) {
        const { done, value } = await lines.next();
        if (done === true) throw new Error(`the process has ended at: ${asked[ran.length]?.words.join(" ")}`);
        ran.push(JSON.parse(value) as Ran);
      }
      return ran;
    },
    close: () => void child.kill(),
  };
}

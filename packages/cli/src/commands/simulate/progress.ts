/** How far a long run is and how long it will take, on stderr: a bar on a terminal, else a line now and then. */
import { progressBar } from "../../demo/progress.ts";

const secondsBetweenLines = 5;

export function progressWithTime() {
  const bar = progressBar();
  let [current, firstDone, started, saidAt] = ["", 0, 0, Number.NEGATIVE_INFINITY];
  return {
    show(what: string, done: number, of: number): void {
      bar.show(what, done, of);
      if (process.stderr.isTTY) return;
      const now = performance.now();
      if (what !== current) [current, firstDone, started, saidAt] = [what, done, now, Number.NEGATIVE_INFINITY];
      if (now - saidAt < 1e3 * secondsBetweenLines && done < of) return;
      saidAt = now;
      const left = done > firstDone ? ((now - started) / 1e3 / (done - firstDone)) * (of - done) : undefined;
      process.stderr.write(`${what} ${done}/${of}${left === undefined ? "" : `, ${Math.ceil(left)} s left`}\n`);
    },
    end(): void {
      bar.end();
    },
  };
}

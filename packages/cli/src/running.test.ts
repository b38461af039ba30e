/** A long-running command and the signals that it gets, as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";

/** Whose stopping takes as long as `stop` says; prints `ready` once it waits for signals. */
function running(stop: string): ChildProcess {
  const script = `
    import { untilStopped } from ${JSON.stringify(new URL("running.ts", import.meta.url).href)};
    const running = { finished: new Promise(() => {}), close: async () => console.log("closed") };
    const alive = setInterval(() => {}, 1000);
    const stopped = untilStopped(running, false, ${stop}).then(() => clearInterval(alive));
    console.log("ready");
    await stopped;
  `;
  return spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
}

/** Sends a signal each time that the process says something. @returns what it said, and how it ended */
async function signalled(child: ChildProcess, signals: readonly NodeJS.Signals[]) {
  const rest = [...signals];
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    const next = rest.shift();
    if (next !== undefined) child.kill(next);
  });
  const [code] = await once(child, "close");
  return { said: said.trim().split("\n"), code };
}

test("a signal stops it its own way, and a second one ends it at once, whichever they are", { timeout: 60_000 }, async () => {
  const drained = 'async () => { console.log("drained"); }';
  expect(await signalled(running(drained), ["SIGTERM"])).toEqual({ said: ["ready", "drained"], code: 0 });
  const stuck = 'async () => { console.log("draining"); await new Promise(() => {}); }';
  expect(await signalled(running(stuck), ["SIGTERM", "SIGTERM"])).toEqual({ said: ["ready", "draining"], code: 143 });
  expect(await signalled(running(stuck), ["SIGTERM", "SIGINT"])).toEqual({ said: ["ready", "draining"], code: 130 });
  expect(await signalled(running("undefined"), ["SIGINT"])).toEqual({ said: ["ready", "closed"], code: 0 });
});

/**
 * Preloaded (`--import`) into a process whose wall clock is to be as many milliseconds away from the real one as TRIBUTARY_TEST_CLOCK_OFFSET says, in all of
 * its threads. Monotonic clocks (`performance.now`, `process.hrtime`) and timers are left alone, as a machine that is set wrong leaves them.
 */
import { pathToFileURL } from "node:url";

const variable = "TRIBUTARY_TEST_CLOCK_OFFSET";

/** Environment of a process whose clock is that far ahead; behind, if negative. */
export const clockAhead = (milliseconds: number): Readonly<Record<string, string>> => ({ [variable]: String(milliseconds) });

/** For `NODE_OPTIONS`. */
export const preloaded = `--import ${pathToFileURL(import.meta.filename).href}`;

const offset = Number(process.env[variable] ?? 0);
if (offset !== 0) {
  const RealDate = Date;
  const now = () => RealDate.now() + offset;
  globalThis.Date = new Proxy(RealDate, {
    construct: (_, values, target) => Reflect.construct(RealDate, values.length === 0 ? [now()] : values, target),
    apply: () => new RealDate(now()).toString(),
    get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
  });
}

/**
 * Preloaded (`--import`) into a process whose clock is to jump: at SIGUSR2 it is as many milliseconds away from the real one as TRIBUTARY_TEST_CLOCK's file says,
 * which is gone then.
 */
import { readFileSync, rmSync } from "node:fs";

const file = process.env["TRIBUTARY_TEST_CLOCK"];
const RealDate = Date;
let offset = 0;
process.on("SIGUSR2", () => {
  if (file === undefined) return;
  offset = Number(readFileSync(file, "utf8"));
  rmSync(file);
});

const now = () => RealDate.now() + offset;
globalThis.Date = new Proxy(RealDate, {
  construct: (_, values) => Reflect.construct(RealDate, values.length === 0 ? [now()] : values),
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});

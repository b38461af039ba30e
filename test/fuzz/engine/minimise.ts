/** A finding's input, made smaller while the same goes wrong: chunks are left out, halved in length each time that none can be (delta debugging's ddmin). */
import { judge } from "./oracle.ts";
import type { Target } from "./target.ts";

/** @param budget milliseconds after which the smallest so far will do */
export async function minimise(target: Target, fed: Uint8Array, signature: string, budget = 10_000): Promise<Uint8Array> {
  const until = performance.now() + budget;
  const same = async (bytes: Uint8Array) => (await judge(target, bytes))?.signature === signature;
  if (!(await same(fed))) return fed; // it takes what went before as well, or the machine was busy
  let smallest = fed;
  for (let chunk = Math.ceil(fed.length / 2); chunk >= 1; chunk = Math.floor(chunk / 2)) {
    for (let at = 0; at < smallest.length; ) {
      if (performance.now() > until) return smallest;
      const shorter = new Uint8Array(smallest.length - Math.min(chunk, smallest.length - at));
      shorter.set(smallest.subarray(0, at));
      shorter.set(smallest.subarray(at + chunk), at);
      if (await same(shorter)) smallest = shorter;
      else at += chunk;
    }
  }
  return smallest;
}

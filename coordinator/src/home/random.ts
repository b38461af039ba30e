/** The operating system's randomness as a `RandomSource`, drawn in blocks since the reducers ask for few bytes at a time. */
import { randomFillSync } from "node:crypto";
import type { Context } from "@tributary/federation";

const blockBytes = 4096;

/** A fresh stream whatever it is for. */
export const systemRandom: Context["random"] = () => {
  const block = new Uint8Array(blockBytes);
  let used = block.length;
  return {
    fill(out) {
      for (let done = 0; done < out.length; ) {
        if (used === block.length) {
          randomFillSync(block);
          used = 0;
        }
        const size = Math.min(block.length - used, out.length - done);
        out.set(block.subarray(used, used + size), done);
        block.fill(0, used, used + size); // never given twice, and not left in memory
        used += size;
        done += size;
      }
    },
  };
};

/** The operating system's randomness, drawn a block at a time because noise asks for it in small pieces. */
import { randomFillSync } from "node:crypto";
import type { RandomSource } from "@tributary/dp";

const blockSize = 64 * 1024;

/** Every byte is handed out once and wiped from the block. */
export function osRandomSource(): RandomSource {
  const block = new Uint8Array(blockSize);
  let used = blockSize;
  return {
    fill(out) {
      if (out.length >= blockSize) {
        fillWhole(out);
        return;
      }
      for (let done = 0; done < out.length; ) {
        if (used === blockSize) {
          randomFillSync(block);
          used = 0;
        }
        const size = Math.min(blockSize - used, out.length - done);
        out.set(block.subarray(used, used + size), done);
        block.fill(0, used, used + size);
        used += size;
        done += size;
      }
    },
  };
}

/** node:crypto fills less than 2³¹ bytes a call. */
function fillWhole(out: Uint8Array): void {
  const most = 1 << 30;
  for (let start = 0; start < out.length; start += most)
    randomFillSync(out.subarray(start, Math.min(out.length, start + most)));
}

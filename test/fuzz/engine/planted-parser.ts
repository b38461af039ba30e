/** A parser with a fault that four right octets and a length lead to: the fuzzer's own test has it found (`guidance.test.ts`). */

export function parsePlanted(bytes: Uint8Array): number {
  if (bytes[0] === 0x54) {
    if (bytes[1] === 0x52) {
      if (bytes[2] === 0x42) {
        if (bytes[3] === 0x17) {
          if (bytes.length > 8) throw new RangeError("planted");
          return 4;
        }
        return 3;
      }
      return 2;
    }
    return 1;
  }
  return 0;
}

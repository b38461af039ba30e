/** Lower-case hex, the one form in which keys, hashes and signatures stand in documents. */
import { fail } from "@tributary/errors";
import { secretBytes } from "../crypto/secret-bytes.ts";

const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += digits[bytes[i] as number];
  return text;
}

/** What a character counts for, by its code; 255 for whatever is no digit. */
const values = Uint8Array.from({ length: 256 }, (_, code) => {
  const value = "0123456789abcdef".indexOf(String.fromCharCode(code));
  return value < 0 ? 255 : value;
});

/** @throws TRB_HEX_INVALID for anything but pairs of 0–9 and a–f: upper case would give one value two forms */
export function fromHex(text: string): Uint8Array {
  return readHex(text, new Uint8Array(Math.floor(text.length / 2)));
}

/** The same of a secret: bytes that can be overwritten for good (`secret-bytes.ts`), which takes a microsecond more. @throws TRB_HEX_INVALID */
export function secretFromHex(text: string): Uint8Array {
  return readHex(text, secretBytes(Math.floor(text.length / 2)));
}

function readHex(text: string, bytes: Uint8Array): Uint8Array {
  if (text.length % 2 !== 0) throw fail("TRB_HEX_INVALID", { length: text.length });
  for (let i = 0; i < bytes.length; i++) {
    const [high, low] = [text.charCodeAt(2 * i), text.charCodeAt(2 * i + 1)];
    const [first, second] = [values[high] ?? 255, values[low] ?? 255]; // beyond 255 there is no value
    if (first > 15 || second > 15) throw fail("TRB_HEX_INVALID", { length: text.length });
    bytes[i] = 16 * first + second;
  }
  return bytes;
}

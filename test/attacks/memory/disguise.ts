/** Secrets written so that no copy of them is made: each byte turned over, as numbers. Who looks for them turns them back, in another process. */

export interface Secret {
  readonly what: string;
  readonly disguised: readonly number[];
}

const turned = 0xa5;

/** @param secret bytes, or pairs of lower-case hexadecimal digits, which are read one by one */
export function disguised(secret: Uint8Array | string): number[] {
  if (typeof secret !== "string") return Array.from(secret, (byte) => byte ^ turned);
  const digit = (place: number) => Number.parseInt(secret.charAt(place), 16);
  return Array.from({ length: secret.length / 2 }, (_, i) => (16 * digit(2 * i) + digit(2 * i + 1)) ^ turned);
}

export const undisguised = ({ disguised: bytes }: Secret): Uint8Array => Uint8Array.from(bytes, (byte) => byte ^ turned);

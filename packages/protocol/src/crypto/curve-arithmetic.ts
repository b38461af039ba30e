/** edwards25519 in integers, slow and from the equations of RFC 8032 §5.1 themselves: for tests to make points and signatures that no library would. */

export const p = 2n ** 255n - 19n;
export const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;
export const mod = (x: bigint) => ((x % p) + p) % p;
function power(base: bigint, exponent: bigint): bigint {
  let [result, square, rest] = [1n, mod(base), exponent];
  for (; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}
export const inverse = (x: bigint) => power(x, p - 2n);
/** RFC 8032 §5.1: −x² + y² = 1 + d·x²·y². */
const d = mod(-121665n * inverse(121666n));

export type Point = readonly [x: bigint, y: bigint];
export function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const t = mod(d * x1 * x2 * y1 * y2);
  return [mod((x1 * y2 + x2 * y1) * inverse(1n + t)), mod((y1 * y2 + x1 * x2) * inverse(1n - t))];
}
export function times(scalar: bigint, point: Point): Point {
  let [result, doubled, rest]: [Point, Point, bigint] = [[0n, 1n], point, scalar];
  for (; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = add(result, doubled);
    doubled = add(doubled, doubled);
  }
  return result;
}
/** The first x for this y, if the curve has one: p ≡ 5 mod 8, RFC 8032 §5.1.3. */
export function lift(y: bigint): Point | undefined {
  const square = mod((y * y - 1n) * inverse(mod(d * y * y + 1n)));
  const root = power(square, (p + 3n) / 8n);
  const x = mod(root * root) === square ? root : mod(root * power(2n, (p - 1n) / 4n));
  return mod(x * x) === square ? [x, y] : undefined;
}

/** B: y = 4/5, x even. */
const base = (): Point => {
  const y = mod(4n * inverse(5n));
  const [x] = lift(y) ?? [0n];
  return [x % 2n === 0n ? x : p - x, y];
};
export const basePoint: Point = base();

/** 32 octets: y, little-endian, with x's lowest bit on top. */
export function encoded([x, y]: Point): Uint8Array {
  return little(y + (x % 2n) * 2n ** 255n);
}

export function little(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

export function big(encoding: Uint8Array): bigint {
  return encoding.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

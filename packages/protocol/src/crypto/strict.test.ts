/** That the two lists of small-order points are right and complete, from the curve equations themselves. */
import nacl from "tweetnacl";
import { expect, test } from "vitest";
import { smallOrderU, smallOrderY } from "./strict.ts";

const p = 2n ** 255n - 19n;
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;
const mod = (x: bigint) => ((x % p) + p) % p;
function power(base: bigint, exponent: bigint): bigint {
  let [result, square, rest] = [1n, mod(base), exponent];
  for (; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}
const inverse = (x: bigint) => power(x, p - 2n);
/** RFC 8032 §5.1: −x² + y² = 1 + d·x²·y². */
const d = mod(-121665n * inverse(121666n));

type Point = readonly [x: bigint, y: bigint];
function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const t = mod(d * x1 * x2 * y1 * y2);
  return [mod((x1 * y2 + x2 * y1) * inverse(1n + t)), mod((y1 * y2 + x1 * x2) * inverse(1n - t))];
}
function times(scalar: bigint, point: Point): Point {
  let [result, doubled, rest]: [Point, Point, bigint] = [[0n, 1n], point, scalar];
  for (; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = add(result, doubled);
    doubled = add(doubled, doubled);
  }
  return result;
}
/** The first x for this y, if the curve has one: p ≡ 5 mod 8, RFC 8032 §5.1.3. */
function lift(y: bigint): Point | undefined {
  const square = mod((y * y - 1n) * inverse(mod(d * y * y + 1n)));
  const root = power(square, (p + 3n) / 8n);
  const x = mod(root * root) === square ? root : mod(root * power(2n, (p - 1n) / 4n));
  return mod(x * x) === square ? [x, y] : undefined;
}

test("the small-order y are exactly those of the eight points that L times a point can be", () => {
  const found = new Set<bigint>();
  for (let y = 3n; y < 40n; y++) {
    const point = lift(y);
    if (point === undefined) continue;
    const torsion = times(groupOrder, point);
    for (let k = 0n; k < 8n; k++) found.add(times(k, torsion)[1]);
  }
  expect([...found].sort()).toEqual([...smallOrderY].sort());
});

test("the small-order u are those of the same points on the Montgomery curve, and −1 on its twist", () => {
  const mapped = smallOrderY.filter((y) => y !== 1n).map((y) => mod((1n + y) * inverse(mod(1n - y)))); // RFC 7748 §4.1
  expect([...mapped, p - 1n].sort()).toEqual([...smallOrderU].sort());
});

test("X25519 with each small-order u is zero, so the check refuses nothing that works", () => {
  for (const u of smallOrderU) {
    const encoding = Uint8Array.from({ length: 32 }, (_, i) => Number((u >> BigInt(8 * i)) & 0xffn));
    expect(nacl.scalarMult(new Uint8Array(32).fill(77), encoding)).toEqual(new Uint8Array(32));
  }
});

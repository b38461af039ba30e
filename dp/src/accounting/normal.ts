/** Tails of the normal distribution, to full relative precision. erfcx(x) = e^{x²}·erfc(x) does not underflow. */
import erfc from "@stdlib/math-base-special-erfc";
import erfcx from "@stdlib/math-base-special-erfcx";

/** erfcx(x) = e^{x²}·erfc(x); decreasing, Infinity below −26. */
export const scaledErfc: (x: number) => number = erfcx;

/** P(Z > t) */
export const normalTail = (t: number): number => 0.5 * erfc(t * Math.SQRT1_2);

/** ln P(Z > t), down to t = 1e5 and below what a float can hold as a probability. */
export function logNormalTail(t: number): number {
  const x = t * Math.SQRT1_2;
  return x > 0.5 ? Math.log(0.5 * erfcx(x)) - x * x : Math.log(0.5 * erfc(x));
}

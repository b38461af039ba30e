/** The door for Node: an addon that cargo built for this machine. */
import { fail } from "@tributary/errors";
import { type Binding, bindingInterface, type Progress } from "./binding.ts";

/** What `rust/addon` exports. Its functions throw plain errors with OpenDP's words. */
interface Addon {
  interface(): number;
  opendp(): string;
  fillGaussian(variance: string, out: Float64Array, entropy: Uint8Array): Pair;
  fillLaplace(scale: string, out: Float64Array, entropy: Uint8Array): Pair;
  addGaussian32(scale: number, values: Int32Array, entropy: Uint8Array): Pair;
  addGaussian64(scale: number, values: BigInt64Array, entropy: Uint8Array): Pair;
  addLaplace32(scale: number, values: Int32Array, entropy: Uint8Array): Pair;
  addLaplace64(scale: number, values: BigInt64Array, entropy: Uint8Array): Pair;
  gaussianRho(scale: number, distance: number): number;
  laplaceEpsilon(scale: number, distance: number): number;
  epsilonFromZcdp(rho: number, delta: number): number;
  deltaFromZcdp(rho: number, epsilon: number): number;
}

type Pair = readonly [done: number, used: number];

/** @throws TRB_OPENDP_NOT_BUILT when this process can't load it */
export function openAddon(path: string): Binding {
  const loaded: { exports: Partial<Addon> } = { exports: {} };
  try {
    process.dlopen(loaded, path);
  } catch (error) {
    throw fail("TRB_OPENDP_NOT_BUILT", { reason: "the addon can't be loaded on this machine" }, error);
  }
  if (loaded.exports.interface?.() !== bindingInterface) {
    throw fail("TRB_OPENDP_NOT_BUILT", { reason: "the addon is of another version than this package" });
  }
  const addon = loaded.exports as Addon;
  const said = <T>(call: () => T): T => {
    try {
      return call();
    } catch (error) {
      throw fail("TRB_OPENDP_FAILED", { reason: error instanceof Error ? error.message : "unknown" }, error);
    }
  };
  const progress = (call: () => Pair): Progress => {
    const [done, used] = said(call);
    return { done, used };
  };
  return {
    opendp: addon.opendp(),
    fill: (distribution, parameter, out, entropy) =>
      progress(() =>
        distribution === "gaussian" ? addon.fillGaussian(parameter, out, entropy) : addon.fillLaplace(parameter, out, entropy),
      ),
    add: (distribution, scale, values, entropy) =>
      progress(() => {
        const gaussian = distribution === "gaussian";
        if (values instanceof Int32Array) {
          return gaussian ? addon.addGaussian32(scale, values, entropy) : addon.addLaplace32(scale, values, entropy);
        }
        return gaussian ? addon.addGaussian64(scale, values, entropy) : addon.addLaplace64(scale, values, entropy);
      }),
    gaussianRho: (scale, distance) => said(() => addon.gaussianRho(scale, distance)),
    laplaceEpsilon: (scale, distance) => said(() => addon.laplaceEpsilon(scale, distance)),
    epsilonFromZcdp: (rho, delta) => said(() => addon.epsilonFromZcdp(rho, delta)),
    deltaFromZcdp: (rho, epsilon) => said(() => addon.deltaFromZcdp(rho, epsilon)),
  };
}

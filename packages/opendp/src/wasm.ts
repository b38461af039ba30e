/**
 * The door for WebAssembly. The module imports nothing, so it can neither ask for randomness nor send anything; arguments are copied into
 * its memory, results out of it, and what was copied is erased.
 */
/// <reference path="./webassembly.d.ts" />
import { fail } from "@tributary/errors";
import { type Binding, bindingInterface, type Distribution, type Progress } from "./binding.ts";

/** What `rust/wasm` exports. Pointers and lengths are of its 32-bit memory. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  interface(): number;
  opendp(): number;
  opendp_length(): number;
  reason(): number;
  reason_length(): number;
  reserve(length: number): number;
  release(pointer: number, length: number): void;
  fill_gaussian: Fill;
  fill_laplace: Fill;
  add_gaussian_32: Add;
  add_gaussian_64: Add;
  add_laplace_32: Add;
  add_laplace_64: Add;
  gaussian_rho: Compute;
  laplace_epsilon: Compute;
  epsilon_from_zcdp: Compute;
  delta_from_zcdp: Compute;
}

type Fill = (text: number, textLength: number, out: number, length: number, entropy: number, entropyLength: number) => bigint;
type Add = (scale: number, values: number, length: number, entropy: number, entropyLength: number) => bigint;
type Compute = (a: number, b: number) => number;

const failed = -1n; // u64::MAX, as JavaScript sees it

/**
 * @param bytes of the module that `build` made
 * @throws TRB_OPENDP_NOT_BUILT when they are something else
 */
export async function openWasm(bytes: Uint8Array<ArrayBuffer>): Promise<Binding> {
  const { instance } = await WebAssembly.instantiate(bytes, {}).catch((error: unknown) => {
    throw fail("TRB_OPENDP_NOT_BUILT", { reason: "the WebAssembly module can't be loaded" }, error);
  });
  const wasm = instance.exports as unknown as Exports;
  if (wasm.interface?.() !== bindingInterface) {
    throw fail("TRB_OPENDP_NOT_BUILT", { reason: "the WebAssembly module is of another version than this package" });
  }
  const bytesAt = (pointer: number, length: number) => new Uint8Array(wasm.memory.buffer, pointer, length);
  const textAt = (pointer: number, length: number) => new TextDecoder().decode(bytesAt(pointer, length));
  const refusal = () => fail("TRB_OPENDP_FAILED", { reason: textAt(wasm.reason(), wasm.reason_length()) });

  /** Copies the arrays in, calls with their places, and copies the first `back` of them out. */
  const lend = (arrays: readonly ArrayBufferView[], back: ArrayBufferView, call: (places: number[]) => bigint): Progress => {
    const views = arrays.map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    const places: number[] = [];
    try {
      for (const view of views) {
        const place = wasm.reserve(view.length);
        if (place === 0) throw fail("TRB_OPENDP_FAILED", { reason: "WebAssembly has no memory left" });
        places.push(place);
        bytesAt(place, view.length).set(view);
      }
      const answer = call(places);
      if (answer === failed) throw refusal();
      const place = places[arrays.indexOf(back)] as number;
      new Uint8Array(back.buffer, back.byteOffset, back.byteLength).set(bytesAt(place, back.byteLength));
      return { done: Number(answer >> 32n), used: Number(answer & 0xffffffffn) };
    } finally {
      for (const [i, place] of places.entries()) wasm.release(place, views[i]?.length ?? 0);
    }
  };
  const compute = (call: Compute) => (a: number, b: number) => {
    const value = call(a, b);
    if (Number.isNaN(value)) throw refusal();
    return value;
  };
  const adds: Record<Distribution, readonly [Add, Add]> = {
    gaussian: [wasm.add_gaussian_32, wasm.add_gaussian_64],
    laplace: [wasm.add_laplace_32, wasm.add_laplace_64],
  };
  return {
    opendp: textAt(wasm.opendp(), wasm.opendp_length()),
    fill(distribution, parameter, out, entropy) {
      const text = new TextEncoder().encode(parameter);
      const draw = distribution === "gaussian" ? wasm.fill_gaussian : wasm.fill_laplace;
      return lend([text, out, entropy], out, ([textAt, outAt, entropyAt]) =>
        draw(textAt as number, text.length, outAt as number, out.length, entropyAt as number, entropy.length),
      );
    },
    add(distribution, scale, values, entropy) {
      const draw = adds[distribution][values instanceof Int32Array ? 0 : 1];
      return lend([values, entropy], values, ([valuesAt, entropyAt]) =>
        draw(scale, valuesAt as number, values.length, entropyAt as number, entropy.length),
      );
    },
    gaussianRho: compute(wasm.gaussian_rho),
    laplaceEpsilon: compute(wasm.laplace_epsilon),
    epsilonFromZcdp: compute(wasm.epsilon_from_zcdp),
    deltaFromZcdp: compute(wasm.delta_from_zcdp),
  };
}

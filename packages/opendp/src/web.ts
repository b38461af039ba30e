/** For browsers, and wherever else the module's bytes come from: nothing here is of Node. */
import { type OpenDp, openDpOver } from "./library.ts";
import { openWasm } from "./wasm.ts";

/**
 * The library from the WebAssembly module that `build --wasm` made.
 * @throws TRB_OPENDP_NOT_BUILT when the bytes are something else
 */
export async function openOpenDpFrom(module: Uint8Array<ArrayBuffer>): Promise<OpenDp> {
  return openDpOver(await openWasm(module));
}

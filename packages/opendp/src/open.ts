/** Opening what was built on this machine. */
import { openAddon } from "./addon.ts";
import { type ArtefactRecord, readArtefact } from "./artefact.ts";
import { type OpenDp, openDpOver } from "./library.ts";
import { openWasm } from "./wasm.ts";

export interface BuiltOpenDp extends OpenDp {
  readonly artefact: ArtefactRecord;
}

/**
 * The library, from the artefact that `build` made.
 * @throws TRB_OPENDP_NOT_BUILT, TRB_OPENDP_ARTEFACT_CHANGED
 */
export async function openOpenDp(): Promise<BuiltOpenDp> {
  const { record, path, bytes } = readArtefact();
  const binding = record.kind === "wasm" ? await openWasm(bytes) : openAddon(path);
  return { ...openDpOver(binding), artefact: record };
}

/** What is said of an artefact that is absent, foreign, old or changed, on folders made for it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openAddon } from "./addon.ts";
import { type ArtefactRecord, platform, readArtefact, recordPath, sha256, sourceHash } from "./artefact.ts";
import { openWasm } from "./wasm.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "opendp-artefact-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const library = "not a library";
const sound: ArtefactRecord = {
  kind: "addon",
  file: "opendp.node",
  sha256: sha256(library),
  source: sourceHash(),
  platform,
  rustc: "rustc 1.95.0",
};

function put(record: object, text = library): void {
  writeFileSync(recordPath(folder), JSON.stringify(record));
  writeFileSync(join(folder, "opendp.node"), text);
}

const notBuilt = (reason: string) => expect.objectContaining({ code: "TRB_OPENDP_NOT_BUILT", details: { reason } });

it("reads what the record describes", () => {
  put(sound);
  const { record, path, bytes } = readArtefact(folder);
  expect(record).toEqual(sound);
  expect(path).toBe(join(folder, "opendp.node"));
  expect(new TextDecoder().decode(bytes)).toBe(library);
});

it("says what to do when nothing was built", () => {
  const read = () => readArtefact(folder);
  expect(read).toThrow(notBuilt("nothing was built"));
  expect(read).toThrow(expect.objectContaining({ advice: expect.stringContaining("--filter @opendp/opendp build") }));
});

it.each([
  ["what was built is for plan9-mips", { ...sound, platform: "plan9-mips" }],
  ["what was built is older than its sources", { ...sound, source: sha256("other sources") }],
  ["record.json can't be read", { ...sound, kind: "script" }],
  ["record.json can't be read", { ...sound, file: "../../elsewhere.node" }],
  ["record.json can't be read", { ...sound, sha256: 7 }],
  ["record.json can't be read", []],
])("refuses: %s", (reason, record) => {
  put(record);
  expect(() => readArtefact(folder)).toThrow(notBuilt(reason));
});

it("refuses a record that is not JSON, and one whose file is gone", () => {
  writeFileSync(recordPath(folder), "{");
  expect(() => readArtefact(folder)).toThrow(notBuilt("record.json can't be read"));
  writeFileSync(recordPath(folder), JSON.stringify(sound));
  expect(() => readArtefact(folder)).toThrow(notBuilt("opendp.node is gone"));
});

it("takes WebAssembly from any platform", () => {
  writeFileSync(join(folder, "opendp.wasm"), library);
  put({ ...sound, kind: "wasm", file: "opendp.wasm", platform: "plan9-mips" });
  expect(readArtefact(folder).record.kind).toBe("wasm");
});

it("refuses a file that is not the one that was built, before anything of it is run", () => {
  put(sound, "another library");
  expect(() => readArtefact(folder)).toThrow(expect.objectContaining({ code: "TRB_OPENDP_ARTEFACT_CHANGED" }));
});

it("refuses what is no addon and no WebAssembly", async () => {
  put(sound);
  const code = "TRB_OPENDP_NOT_BUILT";
  expect(() => openAddon(join(folder, "opendp.node"))).toThrow(expect.objectContaining({ code }));
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0); // a module with nothing in it
  await expect(openWasm(new TextEncoder().encode(library))).rejects.toMatchObject({ code });
  await expect(openWasm(empty)).rejects.toMatchObject({ code });
});

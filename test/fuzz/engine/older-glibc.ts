/**
 * Jazzer's prebuilt library for Linux asks for glibc 2.38 and libstdc++ 13, which Debian 12 and Ubuntu 22.04 do not have. All that it takes of them are two
 * names: `__isoc23_strtol` and `__isoc23_strtoul`, which are `strtol` and `strtoul` that also read "0b101" (a compiler's header writes them so), and a
 * symbol that nothing refers to. This has a copy of the library ask for `strtol` and `strtoul` themselves, and calls the two versions that then nobody
 * needs weak. libFuzzer reads its own options by them, in decimal.
 *
 * Source: System V gABI, "Symbol Table" and "Sections"; Linux Standard Base, "Symbol Versioning" (Elfxx_Verneed, Elfxx_Vernaux).
 */

/** Of section headers: the types that are read. */
const types = { dynamicSymbols: 11, versionsNeeded: 0x6ffffffe, versionOfSymbols: 0x6fffffff } as const;
const newer = new Set(["GLIBC_2.38", "GLIBCXX_3.4.32"]);
/** What any glibc has: the first version of each architecture. */
const oldest = ["GLIBC_2.2.5", "GLIBC_2.17"];
const prefix = "__isoc23_";
const weak = 2;

interface Section {
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

/** @returns a copy of a 64-bit little-endian ELF library that older systems load. @throws if it is something else, or asks for more */
export function forOlderGlibc(library: Uint8Array): Uint8Array {
  const bytes = Buffer.from(library);
  if (bytes.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") throw new Error("this is no 64-bit ELF library");
  const sections = sectionsOf(bytes);
  const section = (type: number): Section => {
    const found = sections.find((one) => one.type === type);
    if (found === undefined) throw new Error(`the library has no section of type ${type.toString(16)}`);
    return found;
  };
  const symbols = section(types.dynamicSymbols);
  const names = sections[symbols.link]?.offset ?? 0;
  const nameAt = (at: number) => bytes.toString("latin1", names + at, bytes.indexOf(0, names + at));
  const versions = neededVersions(bytes, section(types.versionsNeeded), nameAt);
  const old = versions.find(({ name }) => oldest.includes(name));
  if (old === undefined) throw new Error("the library asks for no old version of glibc");
  const asked = new Set(versions.filter(({ name }) => newer.has(name)).map(({ index }) => index));
  const versionOf = section(types.versionOfSymbols).offset;

  for (let k = 0; k < symbols.size / 24; k++) {
    const at = symbols.offset + 24 * k;
    const name = nameAt(bytes.readUInt32LE(at));
    if (!asked.has(bytes.readUInt16LE(versionOf + 2 * k) & 0x7fff)) continue;
    if (name === "_ZSt21ios_base_library_initv") continue; // never called: it has a linker take the library that begins streams
    if (!name.startsWith(prefix)) throw new Error(`the library asks for ${name}, which older systems have nothing for`);
    bytes.writeUInt32LE(bytes.readUInt32LE(at) + prefix.length, at); // the end of a name is a name in the same table
    bytes.writeUInt16LE(old.index, versionOf + 2 * k);
  }
  for (const { name, flagsAt } of versions) if (newer.has(name)) bytes.writeUInt16LE(weak, flagsAt);
  return bytes;
}

function sectionsOf(bytes: Buffer): readonly (Section & { readonly type: number })[] {
  const [table, size, count] = [Number(bytes.readBigUInt64LE(0x28)), bytes.readUInt16LE(0x3a), bytes.readUInt16LE(0x3c)];
  return Array.from({ length: count }, (_, k) => {
    const at = table + size * k;
    return {
      type: bytes.readUInt32LE(at + 4),
      ...{ offset: Number(bytes.readBigUInt64LE(at + 0x18)), size: Number(bytes.readBigUInt64LE(at + 0x20)) },
      link: bytes.readUInt32LE(at + 0x28),
    };
  });
}

/** Which versions are asked for, of whatever library: a list of lists, each entry saying where the next is. */
function neededVersions(bytes: Buffer, { offset }: Section, nameAt: (at: number) => string) {
  const versions: { readonly name: string; readonly index: number; readonly flagsAt: number }[] = [];
  for (let need = offset, next = 1; next !== 0; need += next) {
    next = bytes.readUInt32LE(need + 12);
    for (let at = need + bytes.readUInt32LE(need + 8), more = 1; more !== 0; at += more) {
      more = bytes.readUInt32LE(at + 12);
      versions.push({ name: nameAt(bytes.readUInt32LE(at + 8)), index: bytes.readUInt16LE(at + 6), flagsAt: at + 4 });
    }
  }
  return versions;
}

/**
 * What of a published product is no text that somebody could read: machine code and WebAssembly, found by its first bytes whatever its name, or as base64 within a script. Each package that has
 * some is listed with what it is and from where; docs/native-parts.md has the files with their hashes.
 */
import { createHash } from "node:crypto";
import { closeSync, type Dirent, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Checked } from "./finding.ts";
import type { Installed } from "./installed.ts";
import type { Locked } from "./lockfile.ts";

interface NativePackage {
  readonly what: string;
  /** Who builds it, of which sources. */
  readonly from: string;
  /** What of the product runs it. */
  readonly used: string;
}

/** By package, without its platform. Nobody here has built any of them anew: `from` is what their packages say. */
export const nativePackages: Readonly<Record<string, NativePackage>> = {
  "@duckdb/node-bindings-PLATFORM": {
    what: "DuckDB as a library, and its binding for Node",
    from: "github.com/duckdb/duckdb-node-neo, by that project's own continuous integration, of DuckDB 1.5.6",
    used: "`node import`, where a log is a file or a database (`@tributary/events/ingest`); nothing else loads it",
  },
  "@tensorflow/tfjs-backend-wasm": {
    what: "Kernels of XNNPACK and TensorFlow.js as WebAssembly, in three variants, each twice",
    from: "github.com/tensorflow/tfjs, by Google",
    used: "`@tributary/tensor/tensorflow`, an executor that a program chooses, and `bench step`",
  },
  "onnxruntime-node": {
    what: "ONNX Runtime as a library, and its binding for Node, for five platforms at once; on Windows also DirectML and its shader compiler",
    from: "github.com/microsoft/onnxruntime, by Microsoft's pipelines",
    used: "training and serving (`@tributary/tensor/onnxruntime`), with graphs that the node has built itself",
  },
  "onnxruntime-web": {
    what: "ONNX Runtime as WebAssembly, in four variants",
    from: "github.com/microsoft/onnxruntime, by Microsoft's pipelines",
    used: "devices in browsers, where a built page holds one variant; `bench step` under Node",
  },
  undici: {
    what: "Parsers of HTTP (llhttp, milo) as WebAssembly, in base64 within scripts",
    from: "github.com/nodejs/undici, of llhttp's and milo's sources",
    used: "requests of nodes and of imports to HTTP APIs",
  },
};

export interface NativePart {
  readonly id: string;
  /** Of {@link nativePackages}. */
  readonly key: string;
  /** From the package's folder. */
  readonly file: string;
  readonly bytes: number;
  readonly path: string;
}

const magics = ["7f454c46", "0061736d", "cffaedfe", "cefaedfe", "feedfacf", "feedface", "cafebabe"] as const;

/** ELF, WebAssembly, Mach-O, or (two bytes) Windows' portable executables. */
export const isMachineCode = (start: Uint8Array): boolean => {
  const hex = Buffer.from(start).toString("hex");
  return magics.some((magic) => hex === magic) || hex.startsWith("4d5a");
};

const scripts = /\.[cm]?js$/;
/** Texts by their name, that nothing loads as code for a machine. */
const texts = /\.([cm]?ts|md|markdown|json|map|txt|ya?ml|h|hpp|c|cc|gypi?|css|html)$/;
/** The first bytes of WebAssembly, `\0asm`, in base64. */
const wasmInBase64 = Buffer.from("AGFzbQ");

/** All native parts of the packages of a closure that are installed here. */
export function nativeParts(closure: readonly Locked[], installed: ReadonlyMap<string, Installed>): readonly NativePart[] {
  return closure.flatMap((locked) => {
    const here = installed.get(locked.id);
    if (here === undefined) return [];
    const files = readdirSync(here.folder, { recursive: true, withFileTypes: true }).filter(isNative);
    return files
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => ({
        ...{ id: locked.id, key: keyOf(locked), path, bytes: statSync(path).size },
        file: path.slice(here.folder.length + 1).replaceAll("\\", "/"),
      }));
  });
}

const keyOf = ({ name }: Locked): string => name.replace(/-(darwin|linux|win32)-(x64|arm64)(-musl)?$/, "-PLATFORM");

function isNative(entry: Dirent): boolean {
  if (!entry.isFile() || texts.test(entry.name)) return false;
  const path = join(entry.parentPath, entry.name);
  return scripts.test(entry.name) ? readFileSync(path).includes(wasmInBase64) : isMachineCode(firstBytes(path));
}

function firstBytes(path: string): Uint8Array {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(4);
    return bytes.subarray(0, readSync(file, bytes, 0, 4, 0));
  } finally {
    closeSync(file);
  }
}

/** @param parts of {@link nativeParts} */
export function checkNativeParts(parts: readonly NativePart[], closure: readonly Locked[]): Checked {
  const packages = new Map(parts.map(({ id, key }) => [id, key]));
  const inProduct = new Set(closure.map(keyOf));
  return {
    name: "native parts",
    looked: `${parts.length} files in ${packages.size} packages, ${Math.round(parts.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6)} MB`,
    wrong: [
      ...[...packages]
        .filter(([, key]) => !Object.hasOwn(nativePackages, key))
        .map(([id]) => `${id} has native parts, and supply-chain/native-parts.ts says nothing of it`),
      ...Object.keys(nativePackages)
        .filter((key) => !inProduct.has(key) || ![...packages.values()].includes(key))
        .map((key) => `${key} is listed, and has no native part here`),
    ],
  };
}

/** docs/native-parts.md, of what is installed on one platform. Reads every part whole. */
export function nativePartsPage(parts: readonly NativePart[], closure: readonly Locked[]): string {
  const sections = Object.entries(nativePackages).map(([key, { what, from, used }]) => {
    const files = parts.filter((part) => part.key === key);
    const id = files[0]?.id ?? key;
    const elsewhere = closure.filter((one) => keyOf(one) === key && one.id !== id);
    return [
      `## ${key.replace("-PLATFORM", "")}`,
      `${what}. Built from ${from}. Used by ${used}.`,
      [`| file of \`${id}\` | bytes | SHA-256 |`, "| --- | --- | --- |", ...files.map(rowOf)].join("\n"),
      ...(elsewhere.length === 0
        ? []
        : [
            "On other machines one of these is installed instead; the hash is their tarball's, in the lockfile:",
            elsewhere.map(({ id: other, integrity }) => `- \`${other}\`: \`${integrity}\``).join("\n"),
          ]),
    ].join("\n\n");
  });
  return `${[
    "# Native parts",
    "Made by `pnpm supply-chain native --write` of what is installed on Linux (x64). Everything else that is installed with `tributary` is JavaScript. In this repository no package may run a script while it is installed. Elsewhere npm runs two: `onnxruntime-node`'s, which downloads libraries for CUDA where it finds some, and `protobufjs`'s, which warns. Neither is needed: `npm install --ignore-scripts tributary`.",
    "Where they are built is what the packages say of themselves: nobody of this project has built them anew and compared. The hashes here are of files; those of whole tarballs stand in the lockfile, and package managers hold to them.",
    ...sections,
  ].join("\n\n")}\n`;
}

const rowOf = ({ file, bytes, path }: NativePart): string =>
  `| \`${file}\` | ${bytes.toLocaleString("en")} | \`${createHash("sha256").update(readFileSync(path)).digest("hex")}\` |`;

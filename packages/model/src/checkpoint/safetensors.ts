/**
 * The safetensors container, written deterministically and read strictly.
 *
 *   u64 little-endian length N ‖ N bytes of JSON ‖ tensor data
 *
 * The JSON maps each tensor to {dtype, shape, data_offsets: [begin, end]}; it is padded with spaces so that data starts
 * at a multiple of 8. Source: huggingface/safetensors, README, "Format". A model's hash is the SHA-256 of the whole file,
 * so one content must have one byte string: tensors stand in the caller's order without gaps, and the reader accepts
 * nothing else.
 */
import { fail } from "@tributary/errors";

type Dtype = "F32" | "F64" | "U32";

export interface TensorHeader {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

export interface TensorFile {
  readonly tensors: readonly TensorHeader[];
  /** Free strings of the header's `__metadata__`; keys ascending. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Everything after the header. */
  readonly data: Uint8Array;
}

const bytesOf = { F32: 4, F64: 8, U32: 4 } as const;
const longestHeader = 1 << 20;

/** How many numbers a tensor of this shape holds. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** @param data the tensors' little-endian bytes, one after another in the order of `tensors` */
export function writeTensors({ tensors, metadata, data }: TensorFile): Uint8Array {
  const header = headerBytes(tensors, metadata);
  const file = new Uint8Array(8 + header.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  file.set(data, 8 + header.length);
  return file;
}

/** @throws TRB_MODEL_FILE_MALFORMED, TRB_MODEL_TENSOR_TYPE */
export function readTensors(file: Uint8Array): TensorFile {
  if (file.length < 8) throw malformed("it is shorter than its own length field");
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (length > longestHeader || 8 + length > file.length) throw malformed("its header is longer than the file allows");
  const { tensors, metadata } = parseHeader(file.subarray(8, 8 + length));
  const expected = headerBytes(tensors, metadata);
  if (!sameBytes(expected, file.subarray(8, 8 + length))) throw malformed("its header is not in canonical form");
  const data = file.subarray(8 + length);
  const size = tensors.reduce((sum, { dtype, shape }) => sum + bytesOf[dtype] * elements(shape), 0);
  if (data.length !== size) throw malformed(`it holds ${data.length} bytes of data, and its header describes ${size}`);
  return { tensors, metadata, data };
}

function headerBytes(tensors: readonly TensorHeader[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries: string[] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
    entries.push(`"__metadata__":{${pairs.join(",")}}`);
  }
  let begin = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = begin + bytesOf[dtype] * elements(shape);
    entries.push(`${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${begin},${end}]}`);
    begin = end;
  }
  const text = `{${entries.join(",")}}`;
  const bytes = new TextEncoder().encode(text);
  const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8).fill(0x20);
  padded.set(bytes);
  return padded;
}

/** Keeps the order of the file: JSON.parse keeps the order of keys that are not array indices, and tensor names never are. */
function parseHeader(bytes: Uint8Array): { tensors: TensorHeader[]; metadata: Record<string, string> } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw fail("TRB_MODEL_FILE_MALFORMED", { reason: "its header is not JSON" }, cause);
  }
  if (!isRecord(parsed)) throw malformed("its header is not a JSON object");
  const metadata: Record<string, string> = {};
  const tensors: TensorHeader[] = [];
  for (const [name, value] of Object.entries(parsed)) {
    if (!isRecord(value)) throw malformed(`the entry ${name.slice(0, 80)} is not an object`);
    if (name === "__metadata__") {
      for (const [key, text] of Object.entries(value)) {
        if (typeof text !== "string") throw malformed("its metadata holds something else than strings");
        metadata[key] = text;
      }
      continue;
    }
    const { dtype, shape } = value;
    if (dtype !== "F32" && dtype !== "F64" && dtype !== "U32") {
      throw fail("TRB_MODEL_TENSOR_TYPE", {
        tensor: name.slice(0, 80),
        found: String(dtype).slice(0, 80),
        expected: "F32, F64 or U32",
      });
    }
    if (!isShape(shape)) throw malformed(`the shape of ${name.slice(0, 80)} is not a list of sizes`);
    tensors.push({ name, dtype, shape });
  }
  return { tensors, metadata };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

const malformed = (reason: string) => fail("TRB_MODEL_FILE_MALFORMED", { reason });

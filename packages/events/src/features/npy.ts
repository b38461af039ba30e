/**
 * NumPy's `.npy`: a magic number, a header that is a Python dictionary in text, and the numbers.
 * Source: numpy.lib.format (versions 1.0 to 3.0).
 */
import { open } from "node:fs/promises";
import { fail } from "@tributary/errors";
import { readFailure } from "../reading/file-bytes.ts";

export interface Matrix {
  /** `[rows · width]`, row-major; float64 numbers are rounded to float32. */
  readonly values: Float32Array;
  readonly rows: number;
  readonly width: number;
}

const magic = Buffer.from("\x93NUMPY", "latin1");
/** Numpy pads headers to 64 bytes; a longer one than this is none of a plain matrix. */
const longestHeader = 64 * 1024;
/** Numbers that are converted at once. */
const block = 64 * 1024;

/** @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_FEATURES_INVALID */
export async function readNpy(path: string, mostNumbers: number): Promise<Matrix> {
  const invalid = (reason: string) => fail("TRB_EVENTS_FEATURES_INVALID", { file: path, reason });
  const file = await open(path).catch((error: unknown) => {
    throw readFailure(path, error);
  });
  try {
    /** Fills the array from this place of the file, or refuses a file that ends before. */
    const fill = async (bytes: Uint8Array, from: number) => {
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at);
        if (bytesRead === 0) throw invalid("it ends too early");
        at += bytesRead;
      }
    };
    const { size } = await file.stat();
    const start = Buffer.alloc(12);
    if (size < start.length) throw invalid("it is too short to be .npy");
    await fill(start, 0);
    if (!start.subarray(0, magic.length).equals(magic)) throw invalid("it does not begin with the magic number of .npy");
    const major = start[6] ?? 0;
    if (major < 1 || major > 3) throw invalid(`version ${major} of the format is not known`);
    const headerStart = major === 1 ? 10 : 12;
    const headerLength = major === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
    if (headerLength > longestHeader) throw invalid("its header is too long");
    const header = Buffer.alloc(headerLength);
    await fill(header, headerStart);
    const { bytesEach, rows, width } = parseHeader(header.toString("latin1"), invalid);
    const count = rows * width;
    if (count > mostNumbers) throw invalid(`it holds ${rows} × ${width} numbers, more than ${mostNumbers}`);
    const dataStart = headerStart + headerLength;
    const expected = dataStart + count * bytesEach;
    if (size !== expected) throw invalid(`a matrix of ${rows} × ${width} takes ${expected} bytes, and the file has ${size}`);
    const values = new Float32Array(count);
    if (bytesEach === 4) await fill(new Uint8Array(values.buffer), dataStart);
    else {
      for (let at = 0; at < count; at += block) {
        const part = new Float64Array(Math.min(block, count - at));
        await fill(new Uint8Array(part.buffer), dataStart + 8 * at);
        values.set(part, at);
      }
    }
    return { values, rows, width };
  } finally {
    await file.close();
  }
}

function parseHeader(header: string, invalid: (reason: string) => Error) {
  const type = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape':\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (type === undefined || order === undefined || shape === undefined) throw invalid("its header is not that of one array");
  if (type !== "<f4" && type !== "<f8") {
    throw invalid(`its numbers have type ${type.slice(0, 20)}; float32 (<f4) and float64 (<f8) are read`);
  }
  if (order === "True") throw invalid("it is in Fortran order; write it with numpy.ascontiguousarray");
  const sizes = shape.split(",").map((text) => text.trim());
  if (sizes.at(-1) === "") sizes.pop(); // Python writes (3, 4) and (3,)
  const [rows = 0, width = 0] = sizes.map(Number);
  if (sizes.length !== 2 || !(rows > 0 && width > 0))
    throw invalid(`its shape is (${shape.slice(0, 40)}); [items, width] is read`);
  return { bytesEach: type === "<f4" ? 4 : 8, rows, width };
}

/**
 * Room for a secret of which there is one copy, so that whoever overwrites it overwrites all of it.
 *
 * V8 keeps arrays of up to 64 bytes inside its own heap: the garbage collector moves them, and native code that is handed one has it copied out first, for
 * good; what JavaScript overwrites after that is the copy. Over an `ArrayBuffer` that was made by itself the bytes stay where they are.
 * Source: V8, `JSTypedArray::GetBuffer` and `v8_typed_array_max_size_in_heap`; test/attacks/memory looks for what is left.
 */

/** Zeros. */
export const secretBytes = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(new ArrayBuffer(length));

/** A copy. */
export function secretCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = secretBytes(bytes.length);
  copy.set(bytes);
  return copy;
}

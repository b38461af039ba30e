/**
 * Reads the part of protobuf's wire format that ONNX files are made of: varints, length-delimited fields and fixed 32- and 64-bit ones.
 * Source: https://protobuf.dev/programming-guides/encoding. Every length is checked before anything is taken.
 */
import { fail } from "@tributary/errors";

/** A field of a message: its number, and a whole number or the bytes of what it holds. */
export type ProtobufField =
  | { readonly field: number; readonly integer: bigint; readonly bytes?: undefined }
  | { readonly field: number; readonly bytes: Uint8Array; readonly integer?: undefined };

/** The fields of one message, in the order of the file. @throws TRB_MODEL_ONNX_MALFORMED */
export function protobufFields(message: Uint8Array): ProtobufField[] {
  const fields: ProtobufField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw malformed("it ends within a number");
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, value);
    }
    throw malformed("a number in it is longer than 64 bits");
  };
  const take = (length: number): Uint8Array => {
    if (length < 0 || length > message.length - at) throw malformed("it ends within a field");
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const field = Number(tag >> 3n);
    switch (Number(tag & 7n)) {
      case 0:
        fields.push({ field, integer: varint() });
        break;
      case 1:
        fields.push({ field, bytes: take(8) });
        break;
      case 2:
        fields.push({ field, bytes: take(Number(varint())) });
        break;
      case 5:
        fields.push({ field, bytes: take(4) });
        break;
      default:
        throw malformed("it holds a field of unknown kind");
    }
  }
  return fields;
}

/** @throws TRB_MODEL_ONNX_MALFORMED */
export function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw fail("TRB_MODEL_ONNX_MALFORMED", { reason: "a text in it is not UTF-8" }, cause);
  }
}

const malformed = (reason: string) => fail("TRB_MODEL_ONNX_MALFORMED", { reason });

import { defineErrors } from "../define.ts";

export const protocolErrors = defineErrors({
  TRB_PLAN_INVALID: {
    message: "The plan is not valid at {path}: {reason}.",
    advice: "Make a plan with `tributary plan new`, or correct the field named.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_RELEASE_UNKNOWN: {
    message: "The plan has {releases} releases; number {place}, counted from 0, is not one of them.",
    advice: "Name a release of the plan.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_CENTRAL_NOISE: {
    message: "The plan adds noise at the coordinator, which then sees the exact sums.",
    advice: "Set noiseMode to distributed or local; central noise is for simulation only.",
    status: 400,
    exitCode: 3,
  },
  TRB_MESSAGE_INVALID: {
    message: "A message is malformed at {path}: {reason}.",
    advice: "Run the same version of Tributary on both sides.",
    status: 400,
    exitCode: 1,
  },
  TRB_MESSAGE_TOO_LARGE: {
    message: "A message is larger than any that the protocol has.",
    advice: "Run the same version of Tributary on both sides; if it happens again, distrust the sender.",
    status: 413,
    exitCode: 1,
  },
  TRB_INVITE_INVALID: {
    message: "The invite is not valid: it is cut off, altered, or not an invite.",
    advice: "Copy the whole line that `tributary coordinator invite` printed, or ask for a new invite.",
    status: 400,
    exitCode: 2,
  },
  TRB_HEX_INVALID: {
    message: "A text of {length} characters is not lower-case hex.",
    advice: "Write keys, hashes and signatures as pairs of 0–9 and a–f.",
    status: 400,
    exitCode: 2,
  },
  TRB_CANONICAL_UNSUPPORTED: {
    message: "A document has no canonical form: at {path} stands {reason}.",
    advice: "Keep to objects, arrays, strings, booleans, null and integers; write real numbers as decimal strings.",
    status: 500,
    exitCode: 1,
  },
  TRB_DECIMAL_INVALID: {
    message: "A number can't be written or read as a decimal: {reason}.",
    advice: 'Write real numbers as strings such as "0.01" or "1e-6".',
    status: 400,
    exitCode: 2,
  },
  TRB_CRYPTO_WEAK_KEY: {
    message: "A public key has small order: every secret would agree on the same value with it.",
    advice: "Refuse whoever sent it; an honest party's key is never like this.",
    status: 400,
    exitCode: 1,
  },
  TRB_CRYPTO_WRONG_LENGTH: {
    message: "{what} has {actual} bytes where {expected} are needed.",
    advice: "Check that the key file is complete; it holds the bytes that Tributary wrote.",
    status: 400,
    exitCode: 1,
  },
  TRB_CRYPTO_BAD_OFFSET: {
    message: "A keystream was read at an offset that is not a whole number of words from its start.",
    advice: "Report this as a defect; no input should lead to it.",
    status: 500,
    exitCode: 1,
  },
});

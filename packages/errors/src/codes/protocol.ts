import { defineErrors } from "../define.ts";

export const protocolErrors = defineErrors({
  TRB_PLAN_INVALID: {
    message: "The plan is not valid at {path}: {reason}.",
    advice: "Make a plan with `tributary plan new`, or correct the field named.",
    status: 400,
    exitCode: 2,
  },
  TRB_MESSAGE_INVALID: {
    message: "A message is malformed at {path}: {reason}.",
    advice: "Run the same version of Tributary on both sides.",
    status: 400,
    exitCode: 1,
  },
});

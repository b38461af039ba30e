import { defineErrors } from "../define.ts";

export const simulateErrors = defineErrors({
  TRB_SIMULATE_MARKET_OPTION: {
    message: "The synthetic market can't be made with {option} = {value}: {reason}.",
    advice: "Give {option} a value in that range.",
    status: 400,
    exitCode: 2,
  },
});

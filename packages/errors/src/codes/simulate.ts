import { defineErrors } from "../define.ts";

export const simulateErrors = defineErrors({
  TRB_SIMULATE_STALLED: {
    message: "The simulated federation came to a halt in round {round}: nobody has anything left to do.",
    advice: "Report this with the command and its seed; it is a fault in the round's state machines.",
    status: 500,
    exitCode: 1,
  },
  TRB_SIMULATE_MARKET_OPTION: {
    message: "The synthetic market can't be made with {option} = {value}: {reason}.",
    advice: "Give {option} a value in that range.",
    status: 400,
    exitCode: 2,
  },
});

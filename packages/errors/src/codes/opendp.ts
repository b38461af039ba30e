import { defineErrors } from "../define.ts";

/** Rows of `packages/opendp`: the optional library's artefact and its arguments. */
export const opendpErrors = defineErrors({
  TRB_OPENDP_NOT_BUILT: {
    message: "OpenDP can't be used: {reason}.",
    advice:
      "Install Rust (https://rustup.rs) and run `npx -y pnpm@10 --filter @opendp/opendp build`, or use the sampler exact, which needs nothing.",
    status: 501,
    exitCode: 1,
  },
  TRB_OPENDP_ARTEFACT_CHANGED: {
    message: "{file} is not what was built: its SHA-256 is {found}, and {expected} was recorded.",
    advice: "Find out who changed it; delete packages/opendp/artefact and build it again.",
    status: 500,
    exitCode: 4,
  },
  TRB_OPENDP_BUILD_FAILED: {
    message: "OpenDP can't be built: {reason}.",
    advice: "Install Rust 1.88 or newer (https://rustup.rs), and read what cargo says above.",
    status: 500,
    exitCode: 1,
  },
  TRB_OPENDP_ARGUMENT_INVALID: {
    message: "{argument} is {value}; expected {expected}.",
    advice: "Correct {argument}.",
    status: 400,
    exitCode: 2,
  },
  TRB_OPENDP_FAILED: {
    message: "OpenDP refused: {reason}.",
    advice: "Check the arguments and the random source; nothing was released.",
    status: 500,
    exitCode: 1,
  },
});

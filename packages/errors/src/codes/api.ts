import { defineErrors } from "../define.ts";

/** Of the coordinator's API, as its client sees it. */
export const apiErrors = defineErrors({
  TRB_API_UNREACHABLE: {
    message: "The coordinator at {url} doesn't answer ({reason}).",
    advice: "Check the address, that the coordinator runs, and that its certificate is trusted here.",
    status: 502,
    exitCode: 1,
  },
  TRB_API_ANSWER: {
    message: "The coordinator's answer to {request} can't be made out: {reason}.",
    advice: "Run the same version of Tributary on both sides, and check that the address is a coordinator's.",
    status: 502,
    exitCode: 1,
  },
  TRB_API_PLAIN_HTTP: {
    message: "The token would go to {host} over plain HTTP, for everybody between to read.",
    advice: "Use https, or a tunnel to the coordinator's machine.",
    status: 400,
    exitCode: 2,
  },
});

/** Refusals of a shopper's device in a browser. */
import { defineErrors } from "../define.ts";

export const deviceErrors = defineErrors({
  TRB_DEVICE_OTHER_TAB: {
    message: "This device takes part in another tab of this browser.",
    advice: "Go on there, or close that tab and load this one again: a device is one device, however many tabs are open.",
    status: 409,
    exitCode: 1,
  },
  TRB_DEVICE_STORE_UNAVAILABLE: {
    message: "This browser doesn't keep what this device must remember: {reason}.",
    advice:
      "Open the page by https:// in an ordinary window, not a private one, and free some space; nothing was said that wasn't kept. Then load the page again.",
    status: 500,
    exitCode: 1,
  },
  TRB_DEVICE_SAMPLER_ABSENT: {
    message: "The plan has noise drawn by {sampler}, which a browser doesn't have.",
    advice: "Take part by `tributary node start --device`, or ask for a plan with the sampler exact.",
    status: 501,
    exitCode: 3,
  },
  TRB_DEVICE_NOT_READY: {
    message: "This device can't take part yet: {missing}.",
    advice: "Paste an invite, read the plan and consent, and give a history; then start.",
    status: 409,
    exitCode: 2,
  },
});

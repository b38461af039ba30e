import { defineErrors } from "../define.ts";

/** What personalisation and the value report refuse, or say of themselves. */
export const valueErrors = defineErrors({
  TRB_VALUE_NO_MODEL: {
    message: "The federation has released no model yet.",
    advice: "Take part in its rounds first (`tributary node start`); what this merchant makes alone is served meanwhile.",
    status: 409,
    exitCode: 1,
  },
  TRB_VALUE_TOO_FEW_CUSTOMERS: {
    message: "{what} takes {least} customers with two item events or more, and there are {found}.",
    advice: "Import more of the log, or hold out a larger share of the customers (`tributary node holdout`).",
    status: 409,
    exitCode: 1,
  },
  TRB_VALUE_LAYER_UNKNOWN: {
    message: "The federation's model has no layer {layer}.{suggestion}",
    advice: "Name groups ({groups}), or tensors as `tributary model show` lists them; * stands for any characters.",
    status: 400,
    exitCode: 2,
  },
  TRB_VALUE_HOLDOUT_INVALID: {
    message: "The share of customers to hold out is {share}.",
    advice: "Give a number from 0 (nobody) to 0.5.",
    status: 400,
    exitCode: 2,
  },
  TRB_VALUE_HOLDOUT_UNREADABLE: {
    message: "holdout.json can't be read: {reason}.",
    advice: "Restore the file from a backup: without it customers who are held out would be learnt from.",
    status: 500,
    exitCode: 1,
  },
  TRB_VALUE_HELD_OUT_BY_NAME: {
    message:
      "Customers are held out of this federation's rounds by their pseudonyms, and rounds have begun: under other ones the node would be judged by customers whom they learnt from.",
    advice:
      "Rotate the master key alone now (`tributary node rotate-key --only master`), and the pseudonyms once the federation has closed its ledger.",
    status: 409,
    exitCode: 1,
  },
  TRB_VALUE_PERSONAL_STALE: {
    message: "The personalised model was made from another federated model than the one released last.",
    advice: "Run `tributary node personalise` again; the federated model serves meanwhile.",
    status: 409,
    exitCode: 1,
  },
  TRB_VALUE_PERSONAL_UNREADABLE: {
    message: "The personalised model can't be read: {reason}.",
    advice: "Run `tributary node personalise` again; the federated model serves meanwhile.",
    status: 500,
    exitCode: 1,
  },
});

import { defineErrors } from "../define.ts";

const usage = { status: 400, exitCode: 2 } as const;

export const auditErrors = defineErrors({
  TRB_AUDIT_TOO_MANY_CANARIES: {
    message: "{canaries} canaries among {customers} customers would be more made-up customers than real ones.",
    advice: "Take at most as many canaries as there are customers.",
    ...usage,
  },
  TRB_AUDIT_CANARIES_UNFIT: {
    message: "{canaries} canaries can't be told from each other here: {reason}.",
    advice: "Take fewer canaries, or a larger catalogue or model.",
    ...usage,
  },
  TRB_AUDIT_PLAN_UNFIT: {
    message: "This plan can't be audited by canaries in a simulation: {reason}.",
    advice: "Audit a plan with one release of training, whose unit is the customer.",
    ...usage,
  },
  TRB_AUDIT_CONTRADICTION: {
    message: "What the attacker of {threatModel} guessed right ({correct} of {guesses}) contradicts the claimed ε = {epsilon}.",
    advice:
      "Don't release what this system computes before it is known why: noise, clipping, sampling or the number of merchants a person is at is not as the plan says. Repeat with another seed: by chance it happens in at most one run of twenty.",
    status: 409,
    exitCode: 4,
  },
});

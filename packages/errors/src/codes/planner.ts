import { defineErrors } from "../define.ts";

const usage = { status: 400, exitCode: 2 } as const;

/** Rows of the planner and tuning, in `packages/simulate`: what can't be planned, and why. */
export const plannerErrors = defineErrors({
  TRB_PLAN_EPSILON_UNREACHABLE: {
    message: "No plan for this federation costs ε = {epsilon}: {reason}. The nearest ε that a plan can have is {nearest}.",
    advice: "Ask for ε = {nearest}, or allow a larger δ, more customers or fewer coordinates.",
    ...usage,
  },
  TRB_PLAN_HOURS_TOO_FEW: {
    message: "No plan for this federation is done in {hours} hours; the shortest takes {least}.",
    advice: "Allow {least} hours, or a smaller catalogue.",
    ...usage,
  },
  TRB_PLAN_SELECTION_CENTRAL: {
    message: "The plan's recipe was chosen by the best of secret runs, which is no secret between nodes.",
    advice:
      "Use a recipe that public or made-up data chose (`tributary simulate tune`); a simulation or a demonstration may choose so.",
    status: 400,
    exitCode: 3,
  },
  TRB_TUNE_FILE_INVALID: {
    message: "{file} is not what `tributary simulate tune --out` writes: {reason}.",
    advice: "Run `tributary simulate tune` again, and name its file.",
    ...usage,
  },
  TRB_TUNE_DATA_UNDECLARED: {
    message: "It isn't said whether {file} is public; tuning looks at every customer in it again and again.",
    advice: "Say --public if anybody may see the log; else --private, which pays for every look.",
    ...usage,
  },
  TRB_TUNE_OTHER_RUN: {
    message: "{file} belongs to a tuning with other settings or data ({field} differs).",
    advice: "Name another file with --state, or run the command that began it.",
    status: 409,
    exitCode: 2,
  },
  TRB_TUNE_STATE_DAMAGED: {
    message: "Line {line} of {file} can't be read as a trial.",
    advice: "Take that line away: what is lost is measured again.",
    status: 422,
    exitCode: 2,
  },
});

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
  TRB_SIMULATE_SCALE_OPTION: {
    message: "This federation can't be simulated with {option} = {value}: {reason}.",
    advice: "Give {option} a value in that range.",
    status: 400,
    exitCode: 2,
  },
  TRB_SIMULATE_EMPTY_NODES: {
    message: "The split leaves {empty} of {nodes} nodes without a customer.",
    advice: "Take fewer nodes or more customers, or let nodes be less unequal.",
    status: 400,
    exitCode: 2,
  },
  TRB_SIMULATE_BATCH_TOO_LARGE: {
    message: "{customers} customers at {nodes} nodes are too few for rounds of {cohort} nodes.",
    advice:
      "Take more customers, fewer nodes, or a larger cohort: a round has to expect at least two customers, and one a node.",
    status: 400,
    exitCode: 2,
  },
  TRB_SIMULATE_TRACE_INVALID: {
    message:
      "Line {line} of the availability trace is not `node,first attempt,last attempt` with a node below {nodes} (line 0: it has no line).",
    advice: "Number nodes and attempts from 0, one stretch a line, with the last attempt not before the first.",
    status: 400,
    exitCode: 2,
  },
  TRB_SIMULATE_CENTRAL_NEEDS_FAST: {
    message: "Central noise and secure aggregation exclude each other: the coordinator would have to see the bare sum.",
    advice: "Use --aggregation fast with central noise, or distributed noise.",
    status: 400,
    exitCode: 2,
  },
  TRB_SIMULATE_NOBODY_THERE: {
    message: "In {attempts} attempts in a row fewer than {least} nodes were online.",
    advice: "Make nodes more available, or plan for a smaller cohort (--min-cohort).",
    status: 400,
    exitCode: 1,
  },
  TRB_SIMULATE_DISK_FULL: {
    message: "There is no room left on the disk for {path}.",
    advice: "Make room and give the same command again: the run goes on from its last checkpoint, to the same result.",
    status: 507,
    exitCode: 1,
  },
  TRB_SIMULATE_RUN_UNWRITABLE: {
    message: "{path} can't be written: {reason}.",
    advice: "Name a folder for runs that you may write to (--runs).",
    status: 500,
    exitCode: 1,
  },
  TRB_SIMULATE_RUN_UNREADABLE: {
    message: "{path} can't be read: {reason}.",
    advice: "Give the command that made the run again, or remove its folder and begin anew.",
    status: 500,
    exitCode: 1,
  },
  TRB_SIMULATE_RUN_BUSY: {
    message: "Another process is at work on the run in {path}.",
    advice: "Wait until it is done: the same command then reads what it found. A run whose process was killed is free at once.",
    status: 409,
    exitCode: 1,
  },
  TRB_SIMULATE_RUN_UNKNOWN: {
    message: "No run, or more than one, in {home} has an id that begins with {id}.",
    advice: "`tributary simulate list` shows them.",
    status: 404,
    exitCode: 2,
  },
});

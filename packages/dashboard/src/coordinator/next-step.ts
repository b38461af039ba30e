/** What is to be done next for the federation to go on, told from where it stands. */
import type { Status } from "./api.ts";

/**
 * `invite`: nobody has joined. `join`: fewer have joined than a round needs. `connect`: they have, and too few are connected. `wait`: everybody is there,
 * and the first round comes by itself. `resume`, `talk`: it stands still. Null: it goes by itself, or is over.
 */
export type NextStep = "invite" | "join" | "connect" | "wait" | "resume" | "talk" | null;

export function nextStep({
  phase,
  finished,
  refused,
  joined,
  connected,
  minCohort = 1,
  completed,
}: Pick<Status, "phase" | "finished" | "refused" | "joined" | "connected" | "minCohort" | "completed">): NextStep {
  if (finished) return null;
  if (phase === "paused") return "resume";
  if (refused !== null) return "talk";
  if (joined.length === 0) return "invite";
  if (joined.length < minCohort) return "join";
  if (connected.length < minCohort) return "connect";
  return completed === 0 && (phase === "joining" || phase === "waiting") ? "wait" : null;
}

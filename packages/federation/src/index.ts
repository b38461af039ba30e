/** Room 8. The round: one pure state machine for each side. */
export type { CoordinatorEffect, CoordinatorEvent } from "./coordinator-events.ts";
export type { NodeEffect, NodeEvent } from "./node-events.ts";
export type { Context, Purpose, Step } from "./step.ts";

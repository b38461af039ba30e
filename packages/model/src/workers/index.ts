/** `@tributary/model/workers`: what of this room needs Node's threads. */
export { threadTeam } from "./central-team.ts";
export { createThreadTrainer } from "./private-trainer.ts";
export { type Answer, startThread, type Thread } from "./thread.ts";

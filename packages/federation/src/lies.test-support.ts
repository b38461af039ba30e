/** Messages taken off the wire, changed and signed again by whoever lies, or told out of turn; and what the other side says to them. */
import { isTributaryError } from "@tributary/errors";
import { type Message, type MessageOf, type StepName, signMessage } from "@tributary/protocol";
import { expect } from "vitest";
import { stepCoordinator } from "./coordinator.ts";
import type { CoordinatorEvent } from "./coordinator-events.ts";
import type { CoordinatorPhase } from "./coordinator-state.ts";
import {
  coordinatorContext,
  createWorld,
  nodeContext,
  nodeName,
  nodeOf,
  noFaults,
  run,
  type World,
  type WorldOptions,
} from "./harness.test-support.ts";
import { stepNode } from "./node.ts";
import type { NodePhase, NodeState } from "./node-state.ts";
import { identity } from "./parties.test-support.ts";

const first = nodeName(0);

/** Runs honestly until this party is about to hear this step (at the coordinator: of this sender); the message is taken off the wire. */
export async function until<Step extends StepName>(
  world: World,
  step: Step,
  { to, from }: { readonly to: string; readonly from?: string },
): Promise<MessageOf<Step>> {
  const wanted = ({ to: party, event }: World["queue"][number]) =>
    party === to && "message" in event && event.message.step === step && (from === undefined || event.message.sender === from);
  for (let deliveries = 0; deliveries < 200_000; deliveries++) {
    const place = world.queue.findIndex(wanted);
    const [found] = place < 0 ? [] : world.queue.splice(place, 1);
    if (found !== undefined && "message" in found.event) return found.event.message as MessageOf<Step>;
    await run(world, noFaults, 1);
  }
  throw new Error(`${step} never came`);
}

/** The message with changes, signed again by its sender or by somebody else. */
export function forge<Step extends StepName>(
  message: MessageOf<Step>,
  changes: object,
  body: object = {},
  by: string = message.sender,
): MessageOf<Step> {
  const { signature: _, ...unsigned } = { ...message, ...changes, body: { ...message.body, ...body } };
  return signMessage(identity(by), unsigned as unknown as Parameters<typeof signMessage<Step>>[1]);
}

/** What a node says to a message, in this state or its own; its state stays as it was. */
export function refusalOf(world: World, id: string, message: Message, state?: NodeState): string {
  const party = nodeOf(world, id);
  return codeOf(state ?? party.state, (own) => stepNode(own, { type: "message", message }, nodeContext(party)));
}

/** What the coordinator says to an event. */
export function coordinatorRefusal(world: World, event: CoordinatorEvent): string {
  return codeOf(world.coordinator.state, (state) => stepCoordinator(state, event, coordinatorContext(world)));
}

function codeOf<State>(state: State, step: (state: State) => unknown): string {
  const before = JSON.stringify(state);
  try {
    step(state);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    expect(JSON.stringify(state)).toBe(before);
    return error.code;
  }
  return "accepted";
}

/** Runs until the coordinator, or the first node, is in this phase. */
export async function runInto(
  world: World,
  at: { readonly coordinator?: CoordinatorPhase; readonly node?: NodePhase },
  faults = noFaults,
) {
  const there = () =>
    (at.coordinator === undefined || world.coordinator.state.round?.phase === at.coordinator) &&
    (at.node === undefined || nodeOf(world, first).state.round?.phase === at.node);
  for (let deliveries = 0; !there(); deliveries++) {
    if (world.finished || deliveries > 4000) throw new Error(`it never came to ${JSON.stringify(at)}`);
    await run(world, faults, 1);
  }
}

/** What the first node hears, and what it says, in a round of these options: worlds are the same whenever they are made. */
export async function transcriptOf(options: WorldOptions = { rounds: 1 }) {
  const world = createWorld(options);
  const [heard, said] = [new Map<StepName, Message>(), new Map<StepName, Message>()];
  while (!world.finished) {
    for (const { to, event } of world.queue) {
      const message = "message" in event ? event.message : undefined;
      if (message?.round !== 1) continue;
      if (to === first && !heard.has(message.step)) heard.set(message.step, message);
      if (to === "coordinator" && message.sender === first) said.set(message.step, message);
    }
    await run(world, noFaults, 1);
  }
  const of = (messages: ReadonlyMap<StepName, Message>) => (step: StepName) => {
    const message = messages.get(step);
    if (message === undefined) throw new Error(`no ${step} in the round`);
    return message;
  };
  return { heard: of(heard), said: of(said) };
}

/** As the coordinator's shell brings it. */
export const eventOf = (message: Message): CoordinatorEvent =>
  message.step === "masked" ? { type: "uploaded", message: message as MessageOf<"masked"> } : { type: "message", message };

/** Messages taken off the wire, changed and signed again by whoever lies; and what the other side says to them. */
import { isTributaryError } from "@tributary/errors";
import { type Message, type MessageOf, type StepName, signMessage } from "@tributary/protocol";
import { expect } from "vitest";
import { stepCoordinator } from "./coordinator.ts";
import type { CoordinatorEvent } from "./coordinator-events.ts";
import { coordinatorContext, nodeContext, nodeOf, noFaults, run, type World } from "./harness.test-support.ts";
import { stepNode } from "./node.ts";
import type { NodeState } from "./node-state.ts";
import { identity } from "./parties.test-support.ts";

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

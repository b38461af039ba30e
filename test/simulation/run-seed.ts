/** One seed: makes its world, lets it happen, and looks at what is left in the end. */
import type { NodeId } from "@tributary/protocol";
import { createCoordinatorProcess, type HonestCoordinator } from "./coordinator-process.ts";
import { createCorruptCoordinator } from "./corrupt-coordinator.ts";
import { corruptionOf } from "./corrupt-node.ts";
import { honestOf, requireSoundEnd } from "./ending.ts";
import { federationOf } from "./federation.ts";
import { finding } from "./honest-speech.ts";
import { createNetwork, type Traffic } from "./network.ts";
import { createNodeProcess } from "./node-process.ts";
import { chanceOf } from "./randomness.ts";
import { type FaultRates, type Scenario, scenarioOf } from "./scenario.ts";
import { createWatch, type Figures } from "./watch.ts";
import type { CoordinatorParty, NodeParty, World } from "./world.ts";

/** What a seed came to. */
export interface Outcome {
  readonly seed: number;
  /** Undefined when nothing was found. */
  readonly finding: string | undefined;
  readonly figures: Figures & { readonly crashes: number; readonly events: number };
  readonly traffic: Pick<Traffic, "sent" | "fates"> & { readonly refusals: Readonly<Record<string, number>> };
}

const noFaults: FaultRates = { crash: 0, drop: 0, duplicate: 0, slow: 0, partition: 0, expiry: 0, training: 0, restore: 0 };

/** After so many things that happened, a world that isn't done is given up. */
const mostEvents = 20_000;
/** Virtual milliseconds after which a corrupt coordinator has tried what it tries. */
const endOfLies = 4_000;
/** Virtual milliseconds between two looks at the world: links that break, deadlines that pass too early. */
const glance = 40;

/** @param trace told everything that happens, a line each */
export async function runSeed(seed: number, trace: (line: string) => void = () => undefined): Promise<Outcome> {
  const scenario = scenarioOf(seed);
  const figures = { crashes: 0, events: 0 };
  const { world, coordinator, nodes } = createWorld(scenario, trace, () => (figures.crashes += 1));
  let found: string | undefined;
  try {
    trace(JSON.stringify(scenario));
    coordinator.start();
    for (const node of nodes) node.start();
    look(world, nodes);
    for (; figures.events < mostEvents && !isOver(world, coordinator, nodes); figures.events++) {
      if (!(await world.network.next())) throw finding("nothing happens any more");
    }
    requireSoundEnd(world, coordinator, nodes);
  } catch (error) {
    found =
      error instanceof Error && error.name === "Finding"
        ? error.message
        : `broke: ${error instanceof Error ? error.stack : String(error)}`;
    trace(`FOUND ${found}`);
  }
  const { sent, fates, refusals } = world.network.traffic();
  return {
    seed,
    finding: found,
    figures: { ...world.watch.figures(), ...figures },
    traffic: { sent, fates, refusals: Object.fromEntries(refusals) },
  };
}

function createWorld(scenario: Scenario, trace: (line: string) => void, crashed: () => void) {
  const federation = federationOf(scenario);
  const chance = chanceOf(`world ${scenario.seed}`);
  const parties = new Map<string, NodeParty>();
  const say = (line: string) => trace(`${network.now().toFixed(1).padStart(8)} ${line}`);
  const isCalm = () => network.now() >= scenario.calmAfter;
  const faults = () => (isCalm() ? noFaults : scenario.faults);
  const connect = (id: NodeId) => {
    network.after(chance.between(1, 30), `${id} connects`, () => {
      if (!network.isUp(id) || !coordinator.isUp() || !parties.get(id)?.isUp()) return;
      // what either side says now crosses what the other does
      for (const hear of chance.shuffled([() => parties.get(id)?.connected(), () => coordinator.connected(id)])) hear();
    });
  };
  const network = createNetwork({ chance, faults, trace: say, dropped: (link) => connect(link as NodeId) });
  const watch = createWatch(federation);
  const world: World = {
    scenario,
    federation,
    chance,
    network,
    watch,
    faults,
    trace: say,
    connect,
    coordinator: () => coordinator,
    node: (id) => parties.get(id),
    dies(party, boundary) {
      if (!chance.happens(faults().crash)) return false;
      say(`${party} dies before: ${boundary}`);
      crashed();
      return true;
    },
  };
  const coordinator = scenario.coordinator === "honest" ? createCoordinatorProcess(world) : createCorruptCoordinator(world);
  for (const [place, { id, identity }] of federation.members.entries()) {
    const manner = scenario.corrupt.find((one) => one.place === place)?.manner;
    if (manner !== undefined && scenario.coordinator === "corrupt") continue; // it speaks for them
    const corruption = manner === undefined ? undefined : corruptionOf(world, id, identity, manner);
    parties.set(id, createNodeProcess(world, id, identity, corruption));
  }
  return { world, coordinator, nodes: [...parties.values()] };
}

/** Links break and heal, and last deadlines pass, as long as it isn't calm; then everybody is there again. */
function look(world: World, nodes: readonly NodeParty[]): void {
  const { chance, network, faults, scenario, connect, trace } = world;
  network.after(glance, "look", () => {
    const calm = network.now() >= scenario.calmAfter;
    for (const node of nodes) {
      const { id } = node;
      if (!network.isUp(id) && (calm || chance.happens(0.2))) {
        network.setLink(id, true);
        trace(`${id} is reachable`);
        connect(id);
      } else if (network.isUp(id) && chance.happens(faults().partition)) {
        network.setLink(id, false);
        trace(`${id} is cut off`);
      }
      if (chance.happens(faults().expiry)) node.expire();
      if (calm && chance.happens(0.05)) connect(id);
    }
    look(world, nodes);
  });
}

/** Once the ledger is closed and every honest node that goes on has heard so. */
function isOver(world: World, coordinator: CoordinatorParty | HonestCoordinator, nodes: readonly NodeParty[]): boolean {
  if (!("finished" in coordinator)) return world.network.now() > endOfLies;
  if (!coordinator.finished() || !coordinator.isUp() || world.network.now() < world.scenario.calmAfter) return false;
  return honestOf(world, nodes).every((node) => node.hasGivenUp() || node.standing()?.state.closed === true);
}

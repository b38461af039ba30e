/** All targets. A target's name begins with its group, which is the file's name here, so that a process loads one group and nothing else. */
import type { Target } from "../engine/target.ts";

interface Group {
  readonly targets: readonly Target[];
}

const groups: Readonly<Record<string, () => Promise<Group>>> = {
  catalogues: () => import("./catalogues.ts"),
  inputs: () => import("./inputs.ts"),
  ledgers: () => import("./ledgers.ts"),
  logs: () => import("./logs.ts"),
  models: () => import("./models.ts"),
  protocol: () => import("./protocol.ts"),
  stores: () => import("./stores.ts"),
};

/** Not among `allTargets`: the fuzzer's own test has it find what was planted. */
const planted = () => import("../engine/planted.ts");

export async function allTargets(): Promise<readonly Target[]> {
  const loaded = await Promise.all(Object.values(groups).map((load) => load()));
  return loaded.flatMap(({ targets }) => targets);
}

/** @throws for a name that no target has */
export async function targetNamed(name: string): Promise<Target> {
  const group = name.split("-")[0] ?? "";
  const load = group === "planted" ? planted : groups[group];
  const target = (await load?.())?.targets.find((one) => one.name === name);
  if (target === undefined) throw new Error(`no target is named ${name}`);
  return target;
}

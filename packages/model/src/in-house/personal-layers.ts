/**
 * Which tensors of a federated model a merchant fine-tunes on its own customers, by the names that people use or by the tensors' own.
 *
 *   heads, last-block, attributes, items, inputs, blocks, norms, all     groups (`trainedGroups` has what is in them)
 *   block1.*, final.gain                                                 tensors; * stands for any characters
 */
import { fail } from "@tributary/errors";
import { jointName, parameterShapes } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import { groupPatterns, isCalled, type TrainedGroup, trainedGroups } from "../trained-tensors.ts";

export const personalGroups = ["heads", "last-block", "attributes", "items", "inputs", "blocks", "norms", "all"] as const;
type PersonalGroup = (typeof personalGroups)[number];

/** What is fine-tuned unless asked: the items and what is nearest to the answer. Of these a model has what it has. */
export const usualPersonalLayers: readonly PersonalGroup[] = ["items", "attributes", "last-block", "heads"];

/**
 * The tensors' names, in the order of the model.
 * @param layers undefined: the usual ones that this model has
 * @throws TRB_VALUE_LAYER_UNKNOWN with the nearest name that there is
 */
export function personalLayers(spec: ModelSpec, layers?: readonly string[]): readonly string[] {
  const names = parameterShapes(spec).map(({ name }) => name);
  const matching = (layer: string) => {
    const called = isGroup(layer) ? patternsOf(spec, layer) : [layer];
    return names.filter((name) => called.some((one) => isCalled(one, name)));
  };
  const chosen = new Set<string>();
  for (const layer of layers ?? usualPersonalLayers) {
    const found = matching(layer);
    if (found.length === 0 && layers !== undefined) throw unknownLayer(layer, names);
    for (const name of found) chosen.add(name);
  }
  // query, key and value stand in one matrix, which is trained as one
  const joints = new Set([...chosen].map(jointName).filter((joint) => joint !== undefined));
  return names.filter((name) => chosen.has(name) || joints.has(jointName(name) ?? ""));
}

const isGroup = (layer: string): layer is PersonalGroup => personalGroups.some((group) => group === layer);
const isTrainedGroup = (group: PersonalGroup): group is PersonalGroup & TrainedGroup =>
  trainedGroups.some((one) => one === group);

function patternsOf(spec: ModelSpec, group: PersonalGroup): readonly string[] {
  if (group === "all") return ["*"];
  if (group === "last-block") {
    const last = spec.blocks - 1;
    return [`block${last}.*`, `decoder${last}.*`, "recurrent.*", "body.*", "final.*"];
  }
  return isTrainedGroup(group) ? groupPatterns[group] : [];
}

function unknownLayer(layer: string, names: readonly string[]) {
  const known = [...personalGroups, ...names];
  const nearest = known.reduce((best, name) => (edits(layer, name) < edits(layer, best) ? name : best), known[0] ?? "");
  const isNear = edits(layer, nearest) <= Math.max(2, layer.length / 3) && nearest !== layer;
  return fail("TRB_VALUE_LAYER_UNKNOWN", {
    layer: layer.slice(0, 80),
    suggestion: isNear ? ` Did you mean ${nearest}?` : "",
    groups: personalGroups.join(", "),
  });
}

/** Levenshtein's distance: letters to insert, drop or change. */
function edits(some: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, place) => place);
  for (let i = 1; i <= some.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = (row[j - 1] ?? 0) + (some[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}

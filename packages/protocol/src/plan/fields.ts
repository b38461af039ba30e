/** Every field that a plan can have, by walking its schema: so that no field can be added that no rule and no reason speaks of. */
import type { z } from "zod";
import { planSchema } from "./schema.ts";

/**
 * Paths of all fields, sorted, with * for the places of a list and the keys of a record: `releases.*.scale`. Sections are fields as well as what is in them; of a
 * union, the fields of all its forms.
 */
export function planFields(schema: z.core.$ZodType = planSchema): readonly string[] {
  return [...new Set(fieldsBelow(schema, []))].sort();
}

/** Keys that may stand at a path of a document, where an object stands there. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const prefix = path.map((part) => (typeof part === "number" || /^\d+$/.test(String(part)) ? "*" : String(part)));
  const depth = prefix.length;
  const below = planFields().map((field) => field.split("."));
  return below.flatMap((field) =>
    field.length === depth + 1 && prefix.every((part, place) => field[place] === part) ? [field[depth] ?? ""] : [],
  );
}

function fieldsBelow(schema: z.core.$ZodType, path: readonly string[]): readonly string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "object":
      return Object.entries(def.shape).flatMap(([key, value]) => [
        [...path, key].join("."),
        ...fieldsBelow(value, [...path, key]),
      ]);
    case "array":
      return [...(isLeaf(def.element) ? [[...path, "*"].join(".")] : []), ...fieldsBelow(def.element, [...path, "*"])];
    case "record":
      return [[...path, "*"].join("."), ...fieldsBelow(def.valueType, [...path, "*"])];
    case "union":
      return def.options.flatMap((option) => fieldsBelow(option, path));
    case "optional":
    case "readonly":
    case "nullable":
    case "default":
      return fieldsBelow(def.innerType, path);
    default:
      return [];
  }
}

/** A list of objects is known by their fields. */
const isLeaf = (schema: z.core.$ZodType) => (schema as z.core.$ZodTypes)._zod.def.type !== "object";

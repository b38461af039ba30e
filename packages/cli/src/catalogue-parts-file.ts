/** The file that `catalogue merge` writes and `plan new` reads: whose parts a catalogue is made of, each with its merchant's signed word. */
import { createHash } from "node:crypto";
import { fail } from "@tributary/errors";
import { type Catalogue, catalogueBytes, mergeCatalogues } from "@tributary/events";
import {
  type CataloguePart,
  cataloguePartSchema,
  cataloguePartsSchema,
  falselySignedParts,
  sha256Hex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { z } from "zod";
import { readJson } from "./files.ts";

const partsFile = z.strictObject({ version: z.literal(1), catalogue: sha256Hex, parts: cataloguePartsSchema });

const other = (reason: string) => fail("TRB_PLAN_CATALOGUE_PART_OTHER", { reason });

export const hashOfCatalogue = (catalogue: Catalogue): string =>
  createHash("sha256").update(catalogueBytes(catalogue)).digest("hex");

/** @throws TRB_PLAN_CATALOGUE_PART_OTHER, TRB_PLAN_CATALOGUE_PART_SIGNATURE, and what reading a file throws */
export function readDeclaration(path: string): CataloguePart {
  const parsed = cataloguePartSchema.safeParse(readJson(path));
  if (!parsed.success) throw other(`${path} is no declaration of a part`);
  requireSigned([parsed.data]);
  return parsed.data;
}

/** @throws the same */
export function readParts(path: string, catalogue: Catalogue): readonly CataloguePart[] {
  const parsed = partsFile.safeParse(readJson(path));
  if (!parsed.success) throw other(`${path} is no file of parts`);
  requireSigned(parsed.data.parts);
  if (parsed.data.catalogue !== hashOfCatalogue(catalogue)) throw other(`${path} is of another catalogue`);
  return parsed.data.parts;
}

export const partsFileText = (catalogue: Catalogue, parts: readonly CataloguePart[]): string =>
  `${JSON.stringify({ version: 1, catalogue: hashOfCatalogue(catalogue), parts }, null, 2)}\n`;

function requireSigned(parts: readonly CataloguePart[]): void {
  const [name] = falselySignedParts(nodeCrypto(), parts);
  if (name !== undefined) throw fail("TRB_PLAN_CATALOGUE_PART_SIGNATURE", { name });
}

/**
 * Merges parts in the order of their merchants' names, once each has its declaration and keeps out of the others' namespaces.
 * @throws TRB_PLAN_CATALOGUE_PART_OTHER, and what `mergeCatalogues` throws
 */
export function mergeDeclared(catalogues: readonly Catalogue[], declarations: readonly CataloguePart[]) {
  const byHash = new Map(catalogues.map((catalogue) => [hashOfCatalogue(catalogue), catalogue]));
  const names = new Set(declarations.map(({ name }) => name));
  if (names.size < declarations.length) throw other("two declarations have one name");
  if (byHash.size !== declarations.length || catalogues.length !== declarations.length)
    throw other(`there are ${catalogues.length} parts and ${declarations.length} declarations`);
  const parts = declarations.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const ordered = parts.map(({ name, part, items }) => {
    const catalogue = byHash.get(part);
    if (catalogue === undefined) throw other(`the part that ${name} signed for is not among the files`);
    if (catalogue.items.length !== items) throw other(`${name} signed for ${items} items`);
    for (const { id } of catalogue.items) {
      const space = id.includes(":") ? id.slice(0, id.indexOf(":")) : name;
      if (space !== name && names.has(space)) throw other(`the part of ${name} has items in the namespace of ${space}`);
    }
    return catalogue;
  });
  return { catalogue: mergeCatalogues(ordered), parts };
}

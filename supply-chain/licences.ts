/**
 * Under what each package of a published product stands: permissive licences only, which ask for nothing but that their text goes along. Expressions are SPDX's: of `A OR B` one has to
 * be permitted, of `A AND B` both.
 */
import parseExpression, { type Expression } from "spdx-expression-parse";
import type { Checked } from "./finding.ts";
import type { Installed } from "./installed.ts";
import type { Locked } from "./lockfile.ts";

/** By SPDX identifier. */
const permitted: ReadonlySet<string> = new Set([
  ...["Apache-2.0", "MIT", "MIT-0", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0"],
  ...["CC0-1.0", "Unlicense"], // given to the public
]);

/** Packages that don't say it in today's words, or that are for other machines and so aren't here to be read: what they stand under, and how that is known. */
const stated: readonly { readonly package: RegExp; readonly licence: string; readonly because: string }[] = [
  {
    package: /^@duckdb\/node-bindings-(darwin|linux|win32)-/,
    licence: "MIT",
    because: "the same build for other machines, from one repository and tag; the registry says MIT of each",
  },
];

/** Whether an SPDX expression can be met by permitted licences alone. An exception only ever permits more. @throws Error where it is none */
export function isPermitted(expression: string): boolean {
  const met = (one: Expression): boolean => {
    if ("license" in one) return permitted.has(one.license);
    return one.conjunction === "or" ? met(one.left) || met(one.right) : met(one.left) && met(one.right);
  };
  return met(parseExpression(expression));
}

/**
 * What a package's package.json says, as SPDX: today's text, or the objects of old, `{type}` or a list of them, of which one may choose.
 * @returns undefined where it says nothing that SPDX knows
 */
export function declaredLicence(declared: unknown): string | undefined {
  const types = [declared].flat().map((one) => (typeof one === "object" && one !== null && "type" in one ? one.type : one));
  const text = types.length === 1 ? types[0] : `(${types.join(" OR ")})`;
  if (typeof text !== "string") return undefined;
  try {
    parseExpression(text);
    return text;
  } catch {
    return undefined; // "SEE LICENSE IN …", "UNLICENSED", "BSD": none of SPDX's
  }
}

/** The licence of one package of a closure: what is installed says it, or the table above. */
export function licenceOf(locked: Locked, installed: ReadonlyMap<string, Installed>): string | undefined {
  const declared = declaredLicence(installed.get(locked.id)?.manifest.license);
  return declared ?? stated.find((one) => one.package.test(locked.name))?.licence;
}

export function checkLicences(closure: readonly Locked[], installed: ReadonlyMap<string, Installed>): Checked {
  const foreign = closure.filter(({ folder }) => folder === undefined);
  const wrong = foreign.flatMap((one) => {
    const licence = licenceOf(one, installed);
    if (licence === undefined) return [`${one.id} states no licence that SPDX knows`];
    return isPermitted(licence) ? [] : [`${one.id} stands under ${licence}`];
  });
  const needless = stated.filter((one) => !foreign.some(({ name }) => one.package.test(name)));
  return {
    name: "licences",
    looked: `${foreign.length} packages of the product: ${tally(foreign.map((one) => licenceOf(one, installed) ?? "none"))}`,
    wrong: [...wrong, ...needless.map((one) => `${String(one.package)} is stated a licence for, and in no product`)],
  };
}

function tally(words: readonly string[]): string {
  const counts = Map.groupBy(words, (word) => word);
  return [...counts]
    .map(([word, all]) => ({ word, count: all.length }))
    .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1))
    .map(({ word, count }) => `${word} ${count}`)
    .join(", ");
}

/**
 * The places of a page that are made from records. A table stands between `<!-- table NAME -->` and `<!-- end -->` on lines of their own;
 * a figure in a sentence is `<!--=PATH WAYS-->1.22<!--/-->`, where ways are, in this order: `*N` or `/N` (scaled), `range` (lowest to
 * highest of a list), `.N` (decimals), `sN` (significant digits). A list is written with commas and "and". Comments show nowhere.
 */
import { decimals, type Figure, listed, scaled, significant } from "./numbers.ts";
import { at, isFigure, type Measurements } from "./record.ts";

/** A table by its name, with what it is made of. */
interface MadeTable {
  /** Records that it is made of, for the line below it. */
  readonly from: readonly string[];
  /** Whether the table says something without these records as well. */
  readonly mayBeMissing?: boolean;
  readonly make: (measurements: Measurements) => string;
}
export type Tables = Readonly<Record<string, MadeTable>>;

/** Figures that are worked out of several, by name; a page says `<!--=derived.NAME-->`. */
export type Derived = Readonly<Record<string, (measurements: Measurements) => Figure | string>>;

const tablePlaces = /^<!-- table ([\w-]+) -->\n[\s\S]*?^<!-- end -->$/gm;
const figurePlaces = /<!--=([^\n]*?)-->[^\n]*?<!--\/-->/g;

/** The page with every marked place made anew. @throws Error that names the place which can't be made */
export function filled(page: string, measurements: Measurements, tables: Tables, derived: Derived): string {
  const head = /^\s*<!--=([^\n]*?)-->/m.exec(page)?.[1];
  if (head !== undefined)
    throw new Error(`a line begins with the figure ${head}, so that Markdown would take all of it for HTML`);
  const withTables = page.replace(tablePlaces, (_, name: string) => {
    const made = tables[name];
    if (made === undefined) throw new Error(`there is no table ${name}`);
    const from = made.mayBeMissing === true ? made.from.filter((record) => measurements.has(record)) : made.from;
    const below = from.length === 0 ? "" : `\n\n${sources(from, measurements)}`;
    return `<!-- table ${name} -->\n${made.make(measurements)}${below}\n<!-- end -->`;
  });
  return withTables.replace(figurePlaces, (_, told: string) => `<!--=${told}-->${figure(told, measurements, derived)}<!--/-->`);
}

/** What is left of a page without what is made: there nobody writes figures by hand. */
export function unmade(page: string): string {
  return page.replace(tablePlaces, "").replace(figurePlaces, "·");
}

/** Which records a page shows, or would if they were there. */
export function shown(page: string, tables: Tables): ReadonlySet<string> {
  const ofTables = [...page.matchAll(tablePlaces)].flatMap(([, name = ""]) => tables[name]?.from ?? []);
  const ofFigures = [...page.matchAll(figurePlaces)].map(([, told = ""]) => told.split(/[. ]/)[0] ?? "");
  return new Set([...ofTables, ...ofFigures]);
}

function figure(told: string, measurements: Measurements, derived: Derived): string {
  const [path = "", ...ways] = splitPath(told);
  const name = /^derived\.(.+)$/.exec(path)?.[1];
  const found = name === undefined ? at(measurements, path) : derived[name]?.(measurements);
  if (typeof found === "string") return found;
  if (!isFigure(found)) throw new Error(`${told} is no figure`);
  return write(found, ways, told);
}

/** Paths may hold blanks, as phases and cases do: ways are what follows the last one that is none. */
function splitPath(told: string): readonly string[] {
  const words = told.split(" ");
  let end = words.length;
  while (end > 1 && /^([*/][\d.e-]+|range|\.\d|s\d)$/.test(words[end - 1] ?? "")) end--;
  return [words.slice(0, end).join(" "), ...words.slice(end)];
}

function write(found: Figure, ways: readonly string[], told: string): string {
  let value = found;
  let range = false;
  let text = (one: Figure): string => decimals(one);
  for (const way of ways) {
    if (way.startsWith("*")) value = scaled(value, Number(way.slice(1)));
    else if (way.startsWith("/")) value = scaled(value, 1 / Number(way.slice(1)));
    else if (way === "range") range = true;
    else if (way.startsWith(".")) text = (one) => decimals(one, Number(way.slice(1)));
    else if (way.startsWith("s")) text = (one) => significant(one, Number(way.slice(1)));
    else throw new Error(`${told}: ${way} is no way to write a figure`);
  }
  if (typeof value === "number") return text(value);
  return range ? text([Math.min(...value), Math.max(...value)]) : listed(value.map((one) => text(one)));
}

const months = "January February March April May June July August September October November December".split(" ");

/** The line below a table: when, at which commit, on what, and the files. */
function sources(names: readonly string[], measurements: Measurements): string {
  const said = names.map((name) => {
    const record = measurements.get(name);
    if (record === undefined) throw new Error(`there is no docs/measurements/${name}.json`);
    const [year = "", month = "", day = ""] = record.date.split("-");
    const load = typeof record.machine.load === "number" ? `load ${record.machine.load}` : record.machine.load;
    const how = record.origin === "then" ? ", as measured then" : "";
    return { name, when: `${Number(day)} ${months[Number(month) - 1]} ${year}, ${record.commit.slice(0, 7)}, ${load}${how}` };
  });
  const groups = [...new Set(said.map(({ when }) => when))].map((when) => {
    const files = said.filter((one) => one.when === when).map(({ name }) => `[${name}.json](measurements/${name}.json)`);
    return `${files.join(", ")} (${when})`;
  });
  return `*From ${groups.join("; ")}.*`;
}

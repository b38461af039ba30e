/** The runbook has an entry of its own for everything that an operator may be told, and for nothing else. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { errorTable } from "@tributary/errors";
import { expect, test } from "vitest";
import { parse } from "yaml";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const page = readFileSync(here("operate.md"), "utf8");

/** Heading → what stands below it, up to the next one. */
const entries = new Map(
  page.split(/^(?=#{1,3} )/m).map((part) => [part.split("\n", 1)[0] ?? "", part.slice(part.indexOf("\n") + 1).trim()] as const),
);
const headed = (prefix: string) =>
  [...entries].flatMap(([heading, text]) => (heading.startsWith(prefix) ? [{ name: heading.slice(prefix.length), text }] : []));

/** Those of the coordinator's room, with the two of its that have other names, and of its backups. */
const codes = Object.keys(errorTable).filter(
  (code) => /^TRB_(COORDINATOR|BACKUP)_/.test(code) || code === "TRB_INTERNAL" || code === "TRB_ROSTER_CLOSED",
);
interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly annotations: { readonly runbook_url: string } }[];
  }[];
}
const { groups } = parse(readFileSync(here("operations/alerts.yaml"), "utf8")) as Rules; // whose form alerts.yaml's own test holds
const alerts = groups.flatMap((group) => group.rules);

/** Ends of sentences outside of code. */
const sentences = (text: string) => text.replaceAll(/`[^`]*`/g, "x").match(/[.?!](?=\s|$)/g)?.length ?? 0;

test("every code of the coordinator has an entry, and no entry is of a code that isn't there", () => {
  const named = headed("### ").map(({ name }) => name);
  expect(named.toSorted()).toEqual(codes.toSorted());
  expect(new Set(named).size).toBe(named.length);
});

test("every alert has an entry, which its link leads to, and no entry is of an alert that isn't there", () => {
  const named = headed("## Alert: ").map(({ name }) => name);
  expect(named.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  for (const { alert, annotations } of alerts) {
    expect(annotations.runbook_url).toBe(`docs/operate.md#alert-${alert.toLowerCase()}`);
  }
});

test("each entry says at least two sentences of its own: not the error table's, and not another entry's", () => {
  const all = [...headed("### "), ...headed("## Alert: ")];
  for (const { name, text } of all) {
    expect([name, sentences(text) >= 2 && text.length > 80]).toEqual([name, true]);
    const row = errorTable[name as keyof typeof errorTable] as
      | { readonly message: string; readonly advice: string }
      | undefined;
    if (row !== undefined) for (const words of [row.message, row.advice]) expect(text).not.toContain(words);
  }
  expect(new Set(all.map(({ text }) => text)).size).toBe(all.length);
});

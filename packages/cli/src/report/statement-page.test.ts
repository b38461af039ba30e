import {
  type LedgerStatement,
  ledgerFacts,
  ledgerSections,
  stateLedger,
  statementWords,
  totalOf,
  totalWords,
  verifyLedger,
} from "@tributary/ledger";
import { type Plan, planLanguages } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { expect, test } from "vitest";
import { asBytes, exampleDrafts, exampleFederation, writeLedger } from "../../../ledger/src/example-ledger.ts";
import { examplePlan } from "../../../protocol/src/plan/example-plan.ts";
import { escaped } from "./charts.ts";
import { statementPage } from "./statement-page.ts";

const crypto = nodeCrypto();

function stateOf(change: Partial<Plan> = {}): LedgerStatement {
  const federation = exampleFederation(crypto, (key) => ({ ...examplePlan(key), ...change }));
  const bytes = asBytes(writeLedger(federation, exampleDrafts(federation)));
  return stateLedger(ledgerFacts(bytes), verifyLedger(bytes, { crypto }), crypto);
}

test.each(planLanguages)(
  "%s: the page has every line of every section, what no file shows included, and needs nothing else",
  (language) => {
    const statement = stateOf();
    const words = statementWords(statement, language);
    const page = statementPage([{ statement, words }], undefined);
    expect(page).toContain(`<html lang="${language}">`);
    for (const name of ledgerSections) {
      const { heading, lines } = words.sections[name];
      expect(page).toContain(`<h2>${escaped(heading)}</h2>`);
      for (const line of lines) expect(page).toContain(`<li>${escaped(line)}</li>`);
    }
    expect(page.match(/<section class="notVerifiable">/g)).toHaveLength(1);
    expect(page).toContain("@page { size: A4;");
    expect(page).not.toMatch(/<script|https?:|<link|NaN|undefined/);
  },
);

test("δ(ε) is drawn, and falls", () => {
  const statement = stateOf();
  const page = statementPage([{ statement, words: statementWords(statement, "en") }], undefined);
  const path = /<path class="line series-1" d="M([^"]+)"/.exec(page)?.[1] ?? "";
  const heights = path.split("L").map((point) => Number(point.split(",")[1]));
  expect(heights.length).toBeGreaterThan(20);
  expect(heights.every((height, i) => i === 0 || height >= (heights[i - 1] ?? 0))).toBe(true);
});

test("several federations have their total first, with what it assumes", () => {
  const statements = [stateOf(), stateOf({ federation: "other" })];
  const total = totalWords(totalOf(statements), "en");
  const page = statementPage(
    statements.map((statement) => ({ statement, words: statementWords(statement, "en") })),
    total,
  );
  for (const line of total.lines) expect(page).toContain(escaped(line));
  expect(page.indexOf(escaped(total.heading))).toBeLessThan(page.indexOf("<article>"));
  expect(page.match(/<section class="notVerifiable">/g)).toHaveLength(2);
});

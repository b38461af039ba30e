/** `ledger statement` as one page that needs nothing else, is printed as it is, and has no script. */
import type { LedgerStatement, SectionWords, StatementWords } from "@tributary/ledger";
import { ledgerSections } from "@tributary/ledger";
import { decayChart, escaped } from "./charts.ts";
import { figure, style } from "./page.ts";
import { budget } from "./words.ts";

export interface StatedLedger {
  readonly statement: LedgerStatement;
  readonly words: StatementWords;
}

/** @param total of several federations; undefined for one */
export function statementPage(stated: readonly StatedLedger[], total: SectionWords | undefined): string {
  const [first] = stated;
  const title = total?.heading ?? first?.words.title ?? "";
  return `<!doctype html>
<html lang="${first?.words.language ?? "en"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}${print}</style>
</head>
<body>
<main>
${total === undefined ? "" : `<h1>${escaped(total.heading)}</h1>\n<p class="verdict">${total.lines.map(escaped).join(" ")}</p>\n`}${stated.map(ledgerPart).join("\n")}
</main>
</body>
</html>
`;
}

function ledgerPart({ statement, words }: StatedLedger): string {
  const { epsilon, delta, profile, verification } = statement;
  const points = profile.points.map((point) => [point.epsilon, point.delta] as const);
  const chart = decayChart(words.chart.title, words.chart.axis, { name: "δ(ε)", className: "series-1", points });
  return `<article>
<h1>${escaped(words.title)}</h1>
<p class="verdict">${escaped(words.answer)}</p>
<section class="figures">
${figure("ε", budget(Number(epsilon)), `δ ${delta}`)}
${figure("trust", verification.trust, `${verification.entries} entries`)}
${figure("completeness", verification.completeness, verification.head.slice(0, 16))}
</section>
<div class="columns">
${ledgerSections.map((name) => sectionPart(name, words.sections[name])).join("\n")}
</div>
${points.length < 2 ? "" : chart}
</article>`;
}

function sectionPart(name: string, { heading, lines }: SectionWords): string {
  const items = lines.map((line) => `<li>${escaped(line)}</li>`).join("\n");
  return `<section class="${name}">\n<h2>${escaped(heading)}</h2>\n<ul>\n${items}\n</ul>\n</section>`;
}

const print = `
.columns { columns: 2 26rem; column-gap: 2rem; } .columns section { break-inside: avoid; } .columns h2 { margin: .9rem 0 .2rem; font-size: 1.02rem; }
.columns ul { margin: 0; padding-left: 1.1rem; } .columns li { font-size: .88rem; overflow-wrap: anywhere; } .notVerifiable { border: 2px solid var(--two); border-radius: 8px; padding: 0 .8rem .6rem; margin-top: 1rem; }
article figure { max-width: 640px; margin: 1rem 0; } article + article { margin-top: 3rem; }
@page { size: A4; margin: 12mm; }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --ground: #fff; --card: #fff; --rule: #bbb; --one: #1f6f8b; --two: #c8772d; --three: #666; }
  body { font-size: 7.5pt; line-height: 1.22; } main { max-width: none; padding: 0; } h1 { font-size: 12pt; } .columns { columns: 2; column-gap: 8mm; } .columns h2 { font-size: 8.5pt; margin: 1.2mm 0 .3mm; }
  .columns li, .verdict { font-size: 7.2pt; } .figures { margin: 1mm 0; } .figure { padding: .5mm 2mm; } .figure .value { font-size: 10pt; } article figure { max-width: 80mm; margin: 1mm 0; padding: 1mm; break-inside: avoid; } article + article { break-before: page; }
}
`;

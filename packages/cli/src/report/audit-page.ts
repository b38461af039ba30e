/** The page of `audit run`: what was claimed, what attackers refuted, and how well customers and secrets can be read off the final model. */
import type { ExtractionReport, MembershipReport } from "@tributary/simulate";
import type { AuditDocument } from "../commands/audit.ts";
import { barChart, escaped, logChart, type Series } from "./charts.ts";
import { figure, style } from "./page.ts";
import { budget } from "./words.ts";

const percent = (share: number, digits = 1) => `${(100 * share).toFixed(digits)} %`;
const classes = { "with DP": "series-1", "without DP": "series-2" } as const;
/** Bits of exposure in one bar. */
const bitsABar = 2;

export function auditPage(document: AuditDocument): string {
  const { theoretical, empirical, federation, consistent, confidence, familyWiseError, commitment, membership, extraction } =
    document;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tributary: privacy audit</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>What attackers could tell, and what was claimed</h1>
<p class="source"><strong class="tag">synthetic data</strong> ${federation.customers} customers and ${federation.canaries} made-up ones (${federation.included} were in) at ${federation.merchants} merchants; ${federation.rounds} rounds of ${federation.parameters.toLocaleString("en-US")} numbers, q = ${federation.samplingRate}, z = ${federation.noiseMultiplier}.</p>
</header>
<section class="figures">
${figure("ε claimed, at most", budget(theoretical.epsilon), `δ ${theoretical.delta}; unit: ${theoretical.unit}`)}
${figure("ε refuted, below", empirical.epsilonLowerBound.toFixed(2), `confidence ${percent(confidence, 0)}; ${empirical.epsilonLowerBoundIfGaussian.toFixed(2)} if the curve is Gaussian`)}
${figure("verdict", consistent ? "consistent" : "NOT consistent", `false alarms: at most ${percent(familyWiseError, 0)}`)}
</section>
<p class="verdict">${verdictOf(document)}</p>
<section>
<h2>Attacks on canaries</h2>
<table>
<thead><tr><th>the attacker sees</th><th>canaries</th><th>guesses</th><th>right</th><th>refutes ε below</th><th>if Gaussian</th><th>error of the test</th><th>refutes the plan</th></tr></thead>
<tbody>
${empirical.attacks
  .map(
    (attack) =>
      `<tr><th scope="row">${attack.threatModel}</th><td>${attack.canaries}</td><td>${attack.guesses}</td><td>${attack.correct}</td><td>${attack.epsilonLowerBound.toFixed(3)}</td><td>${attack.epsilonLowerBoundIfGaussian.toFixed(3)}</td><td>${percent(attack.significance)}</td><td>${attack.refuted ? "<strong>yes</strong>" : "no"}</td></tr>`,
  )
  .join("\n")}
</tbody>
</table>
<p class="small">Coins were committed to before the first round: SHA-256 <code>${commitment.sha256}</code>, salt <code>${commitment.salt}</code>.</p>
</section>
${membership === undefined ? "" : membershipSection(membership)}${extraction === undefined ? "" : extractionSection(extraction)}<section>
<h2>What this does not show</h2>
<ul>
<li>A bound from an attack is a lower bound: a better attack may find more. Nothing here proves the claimed ε.</li>
<li>A simulation runs our code with made-up customers. It does not show what nodes elsewhere run.</li>
<li>Membership and extraction are attacks without an error probability; their figures are estimates.</li>
</ul>
</section>
</main>
</body>
</html>
`;
}

function verdictOf({ contradiction }: AuditDocument): string {
  if (contradiction === undefined) return "Nothing that the attackers guessed contradicts the plan.";
  return escaped(`${String(contradiction["message"])} ${String(contradiction["advice"])}`);
}

function membershipSection(reports: readonly MembershipReport[]): string {
  const diagonal: Series = {
    ...{ name: "guessing", className: "series-3" },
    points: [
      [1e-4, 1e-4],
      [1, 1],
    ],
  };
  const least = Math.min(1e-3, ...reports.map(({ cases }) => 2 / cases));
  return `<section class="charts">
${logChart(
  "Membership: customers found, by false alarms",
  "false positives",
  [
    ...reports.map(
      ({ protection, roc }): Series => ({
        ...{ name: protection, className: classes[protection] },
        points: roc.points.map(({ falsePositiveRate, truePositiveRate }) => [falsePositiveRate, truePositiveRate] as const),
      }),
    ),
    diagonal,
  ],
  least,
)}
</section>
<section>
<h2>Was this customer in the log?</h2>
<table>
<thead><tr><th></th><th>ε</th><th>AUC</th>${(reports[0]?.roc.at ?? []).map(({ falsePositiveRate }) => `<th>found at ${percent(falsePositiveRate)} false alarms</th>`).join("")}<th>members likelier by (nats)</th></tr></thead>
<tbody>
${reports
  .map(
    ({ protection, epsilon, roc, gap }) =>
      `<tr><th scope="row">${protection}</th><td>${epsilon === null ? "∞" : budget(epsilon)}</td><td>${roc.auc.toFixed(3)}</td>${roc.at.map(({ truePositiveRate, interval }) => `<td>${percent(truePositiveRate, 2)} [${percent(interval[0], 2)}, ${percent(interval[1], 2)}]</td>`).join("")}<td>${gap.toFixed(3)}</td></tr>`,
  )
  .join("\n")}
</tbody>
</table>
<p class="small">Likelihood ratios with ${(reports[0]?.models ?? 1) - 1} shadow models each, ${reports[0]?.cases ?? 0} cases; intervals of 95 % count them as independent.</p>
</section>
`;
}

function extractionSection(reports: readonly ExtractionReport[]): string {
  return `<section class="charts">
${(reports[0]?.groups ?? []).map(({ customers }) => exposureChart(reports, customers)).join("\n")}
</section>
<section>
<h2>Can a secret be read off the model?</h2>
<table>
<thead><tr><th>customers who did it</th>${reports.map(({ protection }) => `<th>${protection}: mean bits</th><th>read off</th>`).join("")}</tr></thead>
<tbody>
${(reports[0]?.groups ?? [])
  .map(({ customers }) => {
    const cells = reports.map(({ groups }) => {
      const group = groups.find((one) => one.customers === customers);
      return `<td>${group?.mean.toFixed(2) ?? ""}</td><td>${group === undefined ? "" : `${group.extracted} of ${group.exposures.length}`}</td>`;
    });
    return `<tr><th scope="row">${customers === 0 ? "nobody" : customers}</th>${cells.join("")}</tr>`;
  })
  .join("\n")}
</tbody>
</table>
<p class="small">Exposure: log₂ of the candidates less log₂ of the secret's rank; 1.44 bits on average where nothing was learnt, ${(reports[0]?.mostBits ?? 0).toFixed(1)} where it is first of all. ε is about one customer: of what many do alike, it promises less.</p>
</section>
`;
}

function exposureChart(reports: readonly ExtractionReport[], customers: number): string {
  const bars = Math.ceil((reports[0]?.mostBits ?? 0) / bitsABar);
  const title =
    customers === 0
      ? "Exposure of secrets that nobody has"
      : `Exposure of secrets of ${customers} customer${customers === 1 ? "" : "s"} each`;
  return barChart(
    `${title}: secrets by bits`,
    Array.from({ length: bars }, (_, bar) => ({
      name: `${bitsABar * bar}–${bitsABar * (bar + 1)}`,
      values: reports.map(({ protection, groups }) => ({
        ...{ series: protection, className: classes[protection] },
        value: (groups.find((group) => group.customers === customers)?.exposures ?? []).filter(
          (bits) => Math.min(bars - 1, Math.floor(bits / bitsABar)) === bar,
        ).length,
      })),
    })),
  );
}

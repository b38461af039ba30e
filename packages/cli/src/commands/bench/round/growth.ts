/** How a round grows with nodes and with coordinates: a table, and a picture that stands by itself. */
import { lineChart } from "../../../report/charts.ts";
import { measuredAlone } from "../long-measurement.ts";

/** What the command prints of one case, as far as it is used here. */
interface Measured {
  readonly nodes: number;
  readonly parameters: number;
  readonly secure: { readonly seconds: number; readonly cpuSeconds: number };
  readonly bytesPerNode: number;
}

export interface GrowthRow extends Measured {
  readonly grows: "nodes" | "parameters";
}

const cases = {
  nodes: [10, 20, 40, 70, 100].map((nodes) => ({ nodes, parameters: 200_000 })),
  parameters: [100_000, 250_000, 500_000, 1_000_000].map((parameters) => ({ nodes: 20, parameters })),
} as const;

/** Every case in the simulator, in a process of its own. */
export async function measureGrowth(rounds: number): Promise<GrowthRow[]> {
  const rows: GrowthRow[] = [];
  for (const grows of ["nodes", "parameters"] as const) {
    for (const { nodes, parameters } of cases[grows]) {
      const size = ["--nodes", String(nodes), "--parameters", String(parameters), "--rounds", String(rounds)];
      rows.push({ grows, ...(await measuredAlone<Measured>(["bench", "round", "--simulated", ...size, "--json"])) });
    }
  }
  return rows;
}

const style =
  "<style>text{font-family:system-ui,sans-serif;font-size:12px}.tick{fill:#666;font-size:11px}.grid{stroke:#ddd}.line{fill:none;stroke-width:2}.line,.level{stroke:#1f5fa8}.dot,.label{fill:#1f5fa8}</style>";

/** One of the pictures, as an SVG file. Processor seconds: they say on a busy machine what waiting says on a quiet one. */
export function growthChart(rows: readonly GrowthRow[], grows: GrowthRow["grows"]): string {
  const some = rows.filter((row) => row.grows === grows);
  const points = some.map((row) => [grows === "nodes" ? row.nodes : row.parameters / 1e3, row.secure.cpuSeconds] as const);
  const label = grows === "nodes" ? "nodes (200,000 coordinates)" : "thousand coordinates (20 nodes)";
  const figure = lineChart("processor seconds of a round", label, [{ name: "all parties", className: "series-1", points }]);
  const svg = figure.slice(figure.indexOf("<svg"), figure.indexOf("</svg>") + "</svg>".length);
  return `${svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ').replace(">", `>${style}<rect width="100%" height="100%" fill="white"/>`)}\n`;
}

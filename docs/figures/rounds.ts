/** Tables of rounds: simulated at scale, in real processes, and what they take of a coordinator. */
import type { Derived, Tables } from "./marked.ts";
import { decimals, type Figure, listed, scaled, significant, table } from "./numbers.ts";
import { at, isFigure, type Measurements, type Row, rowAt, rowsAt } from "./record.ts";

const megabytes = (octets: Figure, digits = 2): string => decimals(scaled(octets, 1e-6), digits);

/** Seconds: thousandths below a tenth, else hundredths. */
const seconds = (value: Figure): string => decimals(value, typeof value === "number" && value >= 0.0995 ? 2 : 3);

function simulated(measurements: Measurements): string {
  const row = (name: string, said: string): string[] => {
    const { number } = rowAt(measurements, `simulate.${name}`);
    return [
      ...[
        said,
        decimals(number("secondsPerRound"), 3),
        decimals(number("fastest"), 3),
        decimals(number("cpuSecondsPerRound"), 3),
      ],
      ...[decimals(rowAt(measurements, "simulate-before.secondsPerRound").number(name), 3), decimals(number("peakMb"), 0)],
    ];
  };
  return table(
    [
      "100 nodes, 10 a round, a million parameters, no training",
      ...["s a round", "fastest", "processor s", "the version before, s a round", "MB"],
    ],
    [
      row("central", "`--aggregation fast --noise central`: nodes clip and add, one draw for the sum"),
      row("distributed", "`fast`, every node's own share of the noise (the same model as below, byte for byte)"),
      row("secure", "`secure`: state machines, signatures, shares, masks, ledger"),
    ],
  );
}

/** As the bench names what grows, and as the page does. */
const growing: Readonly<Record<string, string>> = {
  nodes: "nodes (100,000 parameters, own shares)",
  "cohort, secure": "cohort, secure (100,000 parameters)",
  parameters: "parameters",
  customers: "customers, 100 a node, with training",
};

function simulatedGrowth(measurements: Measurements): string {
  const all = rowsAt(measurements, "simulate.growth");
  const lines = Object.entries(growing).flatMap(([name, said]) => {
    const rows = all
      .filter(({ text }) => text("grows") === name)
      .sort((a, b) => Number(a.number("to")) - Number(b.number("to")));
    if (rows.length === 0) throw new Error(`simulate.json has nothing of ${name}`);
    return rows.map(({ number }, place) => [
      ...[place === 0 ? said : "", decimals(number("to"))],
      ...[seconds(number("secondsPerRound")), seconds(number("cpuSecondsPerRound")), decimals(number("peakMb"), 0)],
    ]);
  });
  return table(["grows", "to", "s a round", "processor s", "MB"], lines);
}

/** What a phase does besides its name. */
const doing: Readonly<Record<string, string>> = {
  masked: "masked (mask, persist, upload, store)",
  applying: "applying (optimiser, ledger)",
};

function phases(measurements: Measurements): string {
  const rows = rowsAt(measurements, "round.phases").map(({ number, maybe, text }) => {
    const atNode = !["summing", "applying"].includes(text("phase"));
    const [node, octets] = [maybe("nodeCpuSeconds"), maybe("bytesIn")];
    return [
      ...[doing[text("phase")] ?? text("phase"), decimals(number("seconds"), 3), decimals(number("coordinatorCpuSeconds"), 3)],
      atNode && node !== undefined ? decimals(node, 3) : "",
      atNode && octets !== undefined ? megabytes(octets, Number(octets) >= 1e6 ? 1 : 2) : "",
    ];
  });
  const { number } = rowAt(measurements, "round");
  const head = `${decimals(number("nodes"))} nodes, ${decimals(number("parameters"))} coordinates, ${decimals(number("rounds"))} rounds`;
  return table([head, "s", "coordinator, CPU s", "a node, CPU s", "MB in"], rows);
}

function hundred(measurements: Measurements): string {
  const { number } = rowAt(measurements, "round-100");
  const line = (said: string, cpu: string, waited: string) => [said, decimals(number(cpu), 2), decimals(number(waited), 2)];
  return table(
    ["100 nodes, medians over rounds", "CPU s", "waited, s"],
    [
      line("the round", "secure.cpuSeconds", "secure.seconds"),
      line("over the bare cipher for the same bytes, its buffers given back at once", "masks.cpuRatio", "masks.ratio"),
      line("over a plain loop of `cipher.update` for the same bytes", "masks.loopCpuRatio", "masks.loopRatio"),
    ],
  );
}

function roundGrowth(measurements: Measurements): string {
  const all = rowsAt(measurements, "round-growth.rows");
  const lines = (["nodes", "parameters"] as const).flatMap((grows) =>
    all
      .filter(({ text }) => text("grows") === grows)
      .map(({ number }, place) => [
        place > 0 ? "" : grows === "parameters" ? "coordinates" : grows,
        ...[decimals(number("nodes")), decimals(coordinates(number("parameters")))],
        ...[decimals(number("secure.cpuSeconds"), 2), megabytes(number("bytesPerNode"))],
      ]),
  );
  return table(["grows (simulated)", "nodes", "coordinates", "processor s", "MB a node"], lines);
}

/** The model that comes nearest has a few more coordinates than were asked for. */
const coordinates = (value: Figure): Figure => (typeof value === "number" ? Number(value.toPrecision(3)) : value);

function packing(measurements: Measurements): string {
  const plain = rowAt(measurements, "packing").number("bytesAt32Bits");
  const rows = [...rowsAt(measurements, "packing.rows")].sort((a, b) => Number(b.number("bits")) - Number(a.number("bits")));
  return table(
    ["bits", "MB a node", "noise for the same ε"],
    [
      ["32", megabytes(plain), "× 1"],
      ...rows.map(({ number }) => [
        ...[decimals(number("bits")), megabytes(number("bytesPerNode"))],
        `× ${decimals(number("noiseOverUnrounded"), Number(number("noiseOverUnrounded")) < 1.001 ? 4 : 3)}`,
      ]),
    ],
  );
}

function bits(measurements: Measurements): string {
  const rows = ["round-32-bits", "round-16-bits"].map((name) => {
    const { number } = rowAt(measurements, name);
    const phase = (of: string) => decimals(rowAt(measurements, `${name}.phases.phase=${of}`).number("seconds"), 2);
    return [
      ...[decimals(number("bits")), megabytes(number("uploadBytesPerNode")), megabytes(number("bytesPerNode"))],
      ...[decimals(number("secure.seconds"), 2), ["masked", "summing", "applying"].map(phase).join(", ")],
    ];
  });
  return table(["bits", "MB uploaded a node", "MB a node in all", "secure s", "of it masked, summing, applying"], rows);
}

const deployments = ["coordinator", "coordinator-arenas", "coordinator-replicas"] as const;

function coordinator(measurements: Measurements): string {
  const all = deployments.map((name) => rowAt(measurements, name));
  const line = (said: string, of: (row: Row) => string, aim = ""): string[] => [said, ...all.map(of), aim];
  const slices = (name: string): string => {
    const shares = at(measurements, `${name}.slices`);
    if (!isFigure(shares) || typeof shares === "number" || shares.length === 0) return "";
    return `${shares.map((share) => decimals(Number((100 * share).toFixed(1)))).join(", ")} %`;
  };
  const longest = ({ maybe }: Row) => {
    const found = maybe("eventLoopMaxMs");
    return found === undefined ? "" : decimals(found, 0);
  };
  return table(
    ["", "one process", "the same, `MALLOC_ARENA_MAX=2`", "three replicas", "aim"],
    [
      line("processor seconds a round", ({ number }) => decimals(number("coordinator.seconds"), 1), "20"),
      line("most memory of a process, MB", ({ number }) => decimals(number("coordinator.peakMb"), 0), "600"),
      line("event loop late, 99 of 100, ms", ({ number }) => decimals(number("eventLoopP99Ms"), 0), "50"),
      line("at the longest, ms", longest),
      line("download, MB/s", ({ number }) => decimals(number("download.mbPerSecond"), 0), "500"),
      ["slices of each replica", ...deployments.map(slices), "20 %"],
    ],
  );
}

function single(measurements: Measurements, path: string): number {
  const found = at(measurements, path);
  if (typeof found !== "number") throw new Error(`${path} is no number`);
  return found;
}

/** How far medians are from the targets of DESIGN: 0.025 s central, 0.25 s secure. */
const above = (path: string, aim: number) => (measurements: Measurements) => {
  const percent = 100 * (single(measurements, path) / aim - 1);
  return `${decimals(Math.abs(percent), 0)} % ${percent < 0 ? "below" : "above"}`;
};

export const roundTables: Tables = {
  simulate: { from: ["simulate", "simulate-before"], make: simulated },
  "simulate-growth": { from: ["simulate"], make: simulatedGrowth },
  phases: { from: ["round"], make: phases },
  "round-100": { from: ["round-100"], make: hundred },
  "round-growth": { from: ["round-growth"], make: roundGrowth },
  packing: { from: ["packing"], make: packing },
  bits: { from: ["round-32-bits", "round-16-bits"], make: bits },
  coordinator: { from: deployments, make: coordinator },
};

export const roundDerived: Derived = {
  "central-above-aim": above("simulate.central.secondsPerRound", 0.025),
  "secure-above-aim": above("simulate.secure.secondsPerRound", 0.25),
  // every node that fell silent had a mask with every one that is left, and every one that is left has one of its own
  "dropout-streams": (measurements) => {
    const [nodes, gone] = ["nodes", "dropouts"].map((key) => single(measurements, `round-100-dropouts.${key}`));
    return nodes === undefined || gone === undefined ? "" : decimals((nodes - gone) * (gone + 1));
  },
  "upload-share": (measurements) =>
    decimals(
      single(measurements, "round-16-bits.uploadBytesPerNode") / single(measurements, "round-32-bits.uploadBytesPerNode"),
      1,
    ),
  // the aim is 600 MB; said of each deployment that is above it
  "coordinator-memory": (measurements) => {
    const names = { coordinator: "one process", "coordinator-arenas": "two arenas", "coordinator-replicas": "three replicas" };
    const over = Object.entries(names).filter(([name]) => single(measurements, `${name}.coordinator.peakMb`) > 600);
    if (over.length === 0) return "within its aim everywhere";
    return over.length === deployments.length ? "above its aim" : `above its aim with ${listed(over.map(([, said]) => said))}`;
  },
  "million-customers-gb": (measurements) => {
    const rows = rowsAt(measurements, "simulate.growth").filter(({ text }) => text("grows") === "customers");
    const peaks = rows.map(({ number }) => Number(number("peakMb")));
    return significant((Math.max(...peaks) - Math.min(...peaks)) / 1000, 2);
  },
};

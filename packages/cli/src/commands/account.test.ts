/** What the calculators print, and how they refuse. */
import { gaussianMu } from "@tributary/dp";
import { afterEach, describe, expect, test, vi } from "vitest";
import { program } from "../program.ts";

afterEach(() => vi.restoreAllMocks());

async function say(...words: readonly string[]): Promise<string> {
  let printed = "";
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
  await program().parseAsync(["account", ...words], { from: "user" });
  spy.mockRestore();
  return printed;
}

const json = async (...words: readonly string[]): Promise<Record<string, unknown>> => JSON.parse(await say(...words, "--json"));
const flags = (options: Readonly<Record<string, string | number>>) =>
  Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);

describe("account", () => {
  test("epsilon by PLD: 1.8282 and at most 0.002 more, with what it can't be below", async () => {
    const words = flags({ "sampling-rate": 0.01, noise: 1, steps: 1000, delta: 1e-5, accountant: "pld" });
    const document = await json("epsilon", ...words);
    expect(document).toMatchObject({ accountant: "pld", delta: 1e-5, adjacency: "add-or-remove-one", widened: [] });
    expect(document["epsilon"]).toBeGreaterThan(1.8282);
    expect(document["epsilon"]).toBeLessThan(1.8302);
    expect(document["atLeast"]).toBeLessThan(1.8282);
    expect(await say("epsilon", ...words)).toMatch(/^ε = 1\.828244 at δ = 0\.00001 \(pld, .*; not below 1\.8\d+\)\n$/);
  });

  test("packing: 16 bits take half the octets and 12 % more noise, for the ε of plain Gaussian noise", async () => {
    const words = flags({ nodes: 100, dimension: 2 ** 20, noise: 8, steps: 100, delta: 1e-6 });
    const { rows, bytesAt32Bits } = await json("packing", ...words);
    expect(bytesAt32Bits).toBe(2 ** 22);
    expect(rows).toMatchObject([
      { bits: 16, bytesPerNode: 2 ** 21, coordinatesSent: 2 ** 20 },
      { bits: 18, bytesPerNode: 2.25 * 2 ** 20 },
      { bits: 20, bytesPerNode: 2.5 * 2 ** 20 },
    ]);
    for (const { epsilon } of rows as { epsilon: number }[]) expect(epsilon).toBeCloseTo(6.7346246, 6);
    const [least, , most] = (rows as { noiseOverUnrounded: number }[]).map(({ noiseOverUnrounded }) => noiseOverUnrounded);
    expect(least).toBeGreaterThan(1.11);
    expect(least).toBeLessThan(1.2);
    expect(most).toBeLessThan(1.001);
    expect(((await json("packing", ...words, "--bits", "18"))["rows"] as unknown[]).length).toBe(1);
    expect(await say("packing", ...words)).toContain("4.19");
  });

  test("noise for ε = 8: 1.3607 by default, 1.3562 at real orders", async () => {
    const words = flags({ epsilon: 8, "sampling-rate": 0.04, steps: 2000, delta: 1e-5 });
    const integer = await json("noise", ...words);
    expect(integer).toMatchObject({ accountant: "rdp-integer", mechanism: "gaussian" });
    expect(integer["noiseMultiplier"]).toBeCloseTo(1.3607, 3);
    expect((await json("noise", ...words, "--accountant", "rdp"))["noiseMultiplier"]).toBeCloseTo(1.3562, 3);
    // sampled discrete noise costs the same under the certified accountant
    expect((await json("noise", ...words, "--mechanism", "discrete-gaussian"))["noiseMultiplier"]).toBe(
      integer["noiseMultiplier"],
    );
  });

  test.each([
    [1, 4.5309],
    [2, 2.3816],
    [4, 1.2678],
    [8, 0.6893],
  ])("unsampled discrete noise for ε = %d at δ = 1e-6: %d", async (epsilon, expected) => {
    const words = flags({
      epsilon,
      "sampling-rate": 1,
      steps: 1,
      delta: 1e-6,
      mechanism: "discrete-gaussian",
      accountant: "rdp",
    });
    expect((await json("noise", ...words))["noiseMultiplier"]).toBeCloseTo(expected, 4);
  });

  test("discrete noise on one number has a PLD: σ = zΔ, by enumeration 2.755802 for σ = 10, Δ = 3, four times", async () => {
    const words = flags({
      "sampling-rate": 1,
      noise: 10 / 3,
      steps: 4,
      delta: 1e-6,
      mechanism: "integer-gaussian",
      accountant: "pld",
    });
    expect((await json("epsilon", ...words, "--sensitivity", "3"))["epsilon"]).toBeCloseTo(2.755801667602449, 6);
    expect(
      (
        await json(
          "compose",
          "--release",
          `noise=${10 / 3},steps=4,mechanism=integer-gaussian,sensitivity=3`,
          "--delta",
          "1e-6",
          "--accountant",
          "pld",
        )
      )["epsilon"],
    ).toBeCloseTo(2.755801667602449, 6);
    const noise = await json(
      "noise",
      ...flags({
        epsilon: 2.7559,
        "sampling-rate": 1,
        steps: 4,
        delta: 1e-6,
        mechanism: "integer-gaussian",
        sensitivity: 3,
        accountant: "pld",
      }),
    );
    expect(noise["noiseMultiplier"]).toBeCloseTo(10 / 3, 3);
  });

  test("steps and sampling rates are what noise was made for", async () => {
    const steps = await json("steps", ...flags({ epsilon: 8, "sampling-rate": 0.04, noise: 1.3608, delta: 1e-5 }));
    expect(steps["steps"]).toBeGreaterThanOrEqual(2000);
    expect(steps["steps"]).toBeLessThan(2005);
    const rate = await json("sampling-rate", ...flags({ epsilon: 8, noise: 1.3608, steps: 2000, delta: 1e-5 }));
    expect(rate["samplingRate"]).toBeCloseTo(0.04, 4);
  });

  test("sampling rates are what noise was made for by any mechanism, and for groups", async () => {
    const words = { epsilon: 8, noise: 2, steps: 500, delta: 1e-5 };
    const plain = (await json("sampling-rate", ...flags(words)))["samplingRate"];
    const pair = await json("sampling-rate", ...flags({ ...words, group: 2, mechanism: "discrete-gaussian" }));
    expect(pair).toMatchObject({ mechanism: "discrete-gaussian", accountant: "rdp-integer" });
    expect(Number(pair["samplingRate"])).toBeLessThan(Number(plain));
    const rate = String(pair["samplingRate"]);
    const spent = await json(
      "epsilon",
      ...flags({ ...words, "sampling-rate": rate, group: 2, mechanism: "discrete-gaussian" }).slice(2),
    );
    expect(spent["epsilon"]).toBeLessThanOrEqual(8);
    expect(spent["epsilon"]).toBeGreaterThan(7.999);
  });

  test("lattice: noise of vectors costs what continuous noise does, 4.2244 for ε = 1 where Rényi asks 4.5309", async () => {
    const lattice = { deviation: 2e5, touched: 1024, accountant: "lattice" };
    const words = flags({ epsilon: 1, "sampling-rate": 1, steps: 1, delta: 1e-6, ...lattice });
    const found = await json("noise", ...words);
    expect(found).toMatchObject({ accountant: "lattice", mechanism: "lattice-gaussian" });
    expect(found["noiseMultiplier"]).toBeCloseTo(1 / gaussianMu(1, 1e-6), 5);
    const spent = flags({ "sampling-rate": 1, noise: Number(found["noiseMultiplier"]), steps: 1, delta: 1e-6 });
    expect((await json("epsilon", ...spent, ...flags(lattice)))["epsilon"]).toBeCloseTo(1, 5);
    expect((await json("epsilon", ...spent, "--mechanism", "discrete-gaussian"))["epsilon"]).toBeGreaterThan(1.04);
    const release = `noise=${found["noiseMultiplier"]},mechanism=lattice-gaussian,deviation=2e5,touched=1024`;
    const together = await json(
      "compose",
      "--release",
      release,
      "--release",
      release,
      "--delta",
      "1e-6",
      "--accountant",
      "lattice",
    );
    expect(together["epsilon"]).toBeGreaterThan(1.4);
  });

  test("compose says what each release costs alone and all cost together", async () => {
    const releases = ["--release", "sampling-rate=0.02,noise=1.1,steps=400", "--release", "mechanism=laplace,noise=10,group=2"];
    const document = await json("compose", ...releases, "--delta", "1e-6");
    const alone = (document["releases"] as { epsilon: number }[]).map(({ epsilon }) => epsilon);
    expect(alone[0]).toBeCloseTo(2.694, 3);
    expect(alone[1]).toBeCloseTo(0.2, 6); // two customers
    expect(document["epsilon"]).toBeGreaterThan(alone[0] ?? 0);
    expect(document["epsilon"]).toBeLessThan((alone[0] ?? 0) + (alone[1] ?? 0));
    expect(await say("compose", ...releases, "--delta", "1e-6")).toContain("1 × laplace, q = 1, z = 10, group of 2");
  });

  test("profile falls, ends where it was told to, and has a μ", async () => {
    const document = await json("profile", "--release", "noise=2", "--accountant", "gdp", "--points", "33");
    const deltas = (document["profile"] as { delta: number }[]).map(({ delta }) => delta);
    expect(deltas).toEqual(deltas.toSorted((a, b) => b - a));
    expect(deltas.length).toBe(33);
    expect(deltas[32]).toBeCloseTo(1e-9, 12);
    expect(document["mu"]).toBeGreaterThanOrEqual(0.5);
    expect(document["mu"]).toBeLessThan(0.52);
  });

  test.each([
    [
      "TRB_DP_EVENT_UNSUPPORTED",
      ["epsilon", ...flags({ "sampling-rate": 0.1, noise: 1, steps: 1, delta: 1e-5, accountant: "zcdp" })],
    ],
    [
      "TRB_CLI_BAD_OPTION",
      ["epsilon", ...flags({ "sampling-rate": 0.1, noise: 1, steps: 1, delta: 1e-5, mechanism: "laplace" })],
    ],
    ["TRB_CLI_BAD_OPTION", ["epsilon", ...flags({ "sampling-rate": 0.1, noise: 1, steps: 1, delta: 1e-5, sensitivity: 2 })]],
    [
      "TRB_CLI_BAD_OPTION",
      ["epsilon", ...flags({ "sampling-rate": 1, noise: 1, steps: 1, delta: 1e-5, accountant: "lattice" })],
    ],
    ["TRB_CLI_BAD_OPTION", ["sampling-rate", ...flags({ epsilon: 8, noise: 1, steps: 1, delta: 1e-5, accountant: "lattice" })]],
    [
      "TRB_DP_EVENT_UNSUPPORTED",
      [
        "epsilon",
        ...flags({ "sampling-rate": 0.5, noise: 1, steps: 1, delta: 1e-5, accountant: "lattice", deviation: 9, touched: 2 }),
      ],
    ],
    ...[
      { delta: 0 },
      { delta: 1 },
      { delta: -1e-5 },
      { delta: "NaN" },
      { noise: 0 },
      { noise: -1 },
      { noise: "NaN" },
      { noise: "Infinity" },
      { "sampling-rate": -0.1 },
      { "sampling-rate": 2 },
      { "sampling-rate": "NaN" },
      { steps: 1.5 },
      { steps: -1 },
      { steps: "many" },
      { group: 0 },
      { sensitivity: 0, mechanism: "integer-gaussian" },
      { sensitivity: 0.5, mechanism: "integer-gaussian" },
      { sensitivity: "NaN", mechanism: "integer-gaussian" },
    ].map(
      (change) =>
        [
          "TRB_CLI_BAD_OPTION",
          ["epsilon", ...flags({ "sampling-rate": 0.1, noise: 1, steps: 10, delta: 1e-5, ...change })],
        ] as const,
    ),
    ...[{ epsilon: 0 }, { epsilon: -1 }, { epsilon: "NaN" }, { delta: 0 }, { steps: 0.5 }, { "sampling-rate": 1.5 }].map(
      (change) =>
        [
          "TRB_CLI_BAD_OPTION",
          ["noise", ...flags({ "sampling-rate": 0.1, epsilon: 1, steps: 10, delta: 1e-5, ...change })],
        ] as const,
    ),
    [
      "TRB_DP_SENSITIVITY_INVALID",
      ["compose", ...flags({ release: "noise=1,mechanism=integer-gaussian,sensitivity=0", delta: 1e-5 })],
    ],
    [
      "TRB_DP_EVENT_UNSUPPORTED",
      [
        "epsilon",
        ...flags({ "sampling-rate": 1, noise: 1, steps: 1, delta: 1e-5, mechanism: "discrete-gaussian", accountant: "pld" }),
      ],
    ],
    ["TRB_CLI_BAD_OPTION", ["epsilon", ...flags({ "sampling-rate": 1.1, noise: 1, steps: 1, delta: 1e-5 })]],
    ["TRB_CLI_BAD_OPTION", ["compose", ...flags({ release: "noise=much", delta: 1e-5 })]],
    ["TRB_CLI_BAD_OPTION", ["compose", ...flags({ release: "steps=3", delta: 1e-5 })]],
    ["TRB_CLI_BAD_OPTION", ["compose", ...flags({ release: "noise=1,magic=2", delta: 1e-5 })]],
    ["TRB_CLI_BAD_OPTION", ["compose", ...flags({ release: "noise=1,mechanism=magic", delta: 1e-5 })]],
    ["TRB_DP_NOISE_MULTIPLIER_INVALID", ["compose", ...flags({ release: "noise=0", delta: 1e-5 })]],
    ["TRB_DP_STEPS_INVALID", ["compose", ...flags({ release: "noise=1,steps=1.5", delta: 1e-5 })]],
    ["TRB_DP_PARAMETER_INVALID", ["compose", ...flags({ release: "noise=1,group=0", delta: 1e-5 })]],
    ["TRB_DP_TARGET_UNREACHABLE", ["steps", ...flags({ epsilon: 0.1, "sampling-rate": 1, noise: 0.1, delta: 1e-5 })]],
  ] as const)("%s: account %o", async (code, words) => {
    await expect(say(...words)).rejects.toMatchObject({ code });
  });
});

/** A simulation at scale through the command line: killed and asked for again, it comes to the same bytes; and it can be listed and compared. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { begin, killAll, temporaryFolder, tributary, tributaryJson, until } from "./processes.ts";

const folder = temporaryFolder("simulate-scale");
afterAll(() => {
  killAll();
  folder.remove();
});

const words = (home: string, aggregation: string, ...more: string[]) => [
  ...["simulate", "scale", "--nodes", "30", "--cohort", "10", "--min-cohort", "7", "--customers", "900", "--items", "60"],
  ...[
    "--rounds",
    "12",
    "--dropout",
    "0.1",
    "--adversaries",
    "0.1",
    "--skew-by",
    "category",
    "--size-zipf",
    "0.5",
    "--judged",
    "100",
  ],
  ...["--aggregation", aggregation, "--threads", "2", "--checkpoint-seconds", "0", "--runs", folder.file(home), ...more],
];

/** A run's folder, and how far it is by run.json. */
function runOf(home: string): { readonly path: string; readonly attempts: number; readonly status: string } {
  const [id] = existsSync(folder.file(home)) ? readdirSync(folder.file(home)) : [];
  const path = folder.file(home, id ?? "none");
  const state = existsSync(`${path}/run.json`)
    ? JSON.parse(readFileSync(`${path}/run.json`, "utf8"))
    : { attempts: 0, status: "none" };
  return { path, attempts: state.attempts, status: state.status };
}

test.each(["fast", "secure"])(
  "%s: killed twice without warning, a run comes to the same bytes as one that was left alone",
  {
    timeout: 180_000,
  },
  async (aggregation) => {
    const killed = `killed-${aggregation}`;
    const document = await tributaryJson(words("whole", aggregation));
    const whole = `${folder.file("whole")}/${String(document["run"])}`;
    expect(document["releasedRounds"]).toBeGreaterThan(5);
    for (const least of [3, 9]) {
      const { pid, outcome } = begin(words(killed, aggregation));
      await until(
        async () => runOf(killed),
        ({ attempts }) => attempts >= least,
      );
      process.kill(pid, "SIGKILL");
      expect((await outcome).exitCode).toBeNull();
      expect(runOf(killed).status).toBe("running");
    }
    const before = runOf(killed).attempts;
    expect(before).toBeGreaterThanOrEqual(9);
    expect(await tributaryJson(words(killed, aggregation))).toMatchObject({ ran: true, modelHash: document["modelHash"] });
    const files = ["result.json", "attempts.parquet", "attempts.json", "model.safetensors", "plan.json", "report.html"];
    if (aggregation === "secure") files.push("ledger.jsonl");
    for (const name of files) {
      expect(readFileSync(`${runOf(killed).path}/${name}`).equals(readFileSync(`${whole}/${name}`)), name).toBe(true);
    }
    expect(existsSync(`${runOf(killed).path}/checkpoint`)).toBe(false);
  },
);

test("runs are listed and compared, and both ways to aggregate make one model", { timeout: 120_000 }, async () => {
  const fast = await tributaryJson(words("whole", "fast"));
  const secure = await tributaryJson(words("whole", "secure"));
  expect([fast["ran"], secure["ran"]]).toEqual([false, false]); // by the tests above
  const home = ["--runs", folder.file("whole")];
  const { runs } = (await tributaryJson(["simulate", "list", ...home])) as { runs: { id: string; status: string }[] };
  expect(runs.map(({ id }) => id)).toEqual([fast["run"], secure["run"]]);
  const comparison = await tributaryJson(["simulate", "compare", String(fast["run"]), String(secure["run"]), ...home]);
  expect(comparison).toMatchObject({ sameModel: true, settings: [{ setting: "aggregation", a: "fast", b: "secure" }] });
  const read = await tributary([...words("whole", "fast")]);
  expect(read.stdout).toContain("Done before");
  expect(read.exitCode).toBe(0);
});

test("what can't be simulated is refused with a code, a line of advice and the exit code of wrong usage", async () => {
  const refusals = [
    [["--nodes", "1000", "--customers", "500"], "TRB_SIMULATE_EMPTY_NODES"],
    [["--aggregation", "secure", "--noise", "central", "--rounds", "1"], "TRB_SIMULATE_CENTRAL_NEEDS_FAST"],
    [["--cohort", "200", "--nodes", "100"], "TRB_SIMULATE_SCALE_OPTION"],
  ] as const;
  for (const [more, code] of refusals) {
    const { exitCode, stdout } = await tributary([...words("refused", "fast", ...more), "--json"]);
    expect([exitCode, JSON.parse(stdout).error.code]).toEqual([2, code]);
  }
});

/**
 * The command line under rubbish: whatever is wrong is told once, with a code and what to do; with `--json` as exactly one document on
 * stdout. No process and no temporary file stays behind, and no customer's id is ever shown.
 */
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  begin,
  commandsInOneProcess,
  killAll,
  type Outcome,
  service,
  temporaryFolder,
  tributary,
  tributaryJson,
  until,
} from "./processes.ts";
import { joinAll, type SmallFederation, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("bad-input");
const temporaries = folder.file("temporaries");
const options = { cwd: folder.path, env: { TMPDIR: temporaries } };
const commands = commandsInOneProcess({ env: options.env });
/** Dozens of commands one after the other, on a machine that may have other things to do. */
const busy = { timeout: 120_000 };
const columns = ["--columns", "customer=user,item=item,action=action,time=ts"];
const secret = "secret-customer";
let names: string[] = [];

const events = Array.from({ length: 40 * 6 }, (_, event) => {
  const customer = Math.floor(event / 6);
  return `${secret}-${customer},i${(7 * event) % 25},view,${1_600_000_000 + 100 * event}`;
});
const header = "user,item,action,ts";
const lines = (...rows: readonly string[]) => `${rows.join("\n")}\n`;

beforeAll(() => {
  mkdirSync(temporaries);
  const files: Readonly<Record<string, string>> = {
    "good.csv": lines(header, ...events),
    "empty.csv": "",
    "header.csv": lines(header),
    "headless.csv": lines(...events),
    "one-customer.csv": lines(header, ...events.slice(0, 6)),
    "times.csv": lines(header, ...events.map((row) => row.replace(/\d+$/, "yesterday"))),
    "catalogue.jsonl": lines(...Array.from({ length: 25 }, (_, item) => JSON.stringify({ id: `i${item}` }))),
    "other-catalogue.jsonl": lines('{"id":"other-1"}', '{"id":"other-2"}'),
    "words.txt": "once upon a time\n",
    "unknown-key.json": JSON.stringify({ version: 1, surprise: true }),
    "garbage.jsonl": "garbage\n",
    "foreign/precious.txt": "mine",
    "config-broken/tributary.config.json": "{",
    "config-command/tributary.config.json": '{"node strat":{"home":"shop"}}',
    "config-option/tributary.config.json": '{"node check":{"hose":"shop"}}',
    "config-good/tributary.config.json": '{"account epsilon":{"noise":1,"samplingRate":0.01,"steps":10,"delta":1e-5}}',
  };
  for (const [name, content] of Object.entries(files)) {
    const path = folder.file(name);
    mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    writeFileSync(path, content);
  }
  for (const name of ["line.csv", "line.jsonl"]) {
    const descriptor = openSync(folder.file(name), "w");
    ftruncateSync(descriptor, 2 ** 31); // a hole: 2 GB without a line end
    closeSync(descriptor);
  }
  names = readdirSync(folder.path).sort();
});

afterAll(() => {
  commands.close();
  killAll();
  folder.remove();
});

interface Case {
  readonly args: readonly string[];
  readonly code: string;
  readonly exitCode: number;
  /** Somewhere in message or advice. */
  readonly says?: readonly string[];
  readonly cwd?: string;
}

/** One coded error, once, on the stream where it belongs. */
function expectError({ exitCode, stdout, stderr }: Outcome, { args, ...expected }: Case): void {
  const command = args.join(" ");
  expect(exitCode, `${command}\n${stdout}${stderr}`).toBe(expected.exitCode);
  expect(stdout, `${command}\n${stderr}`).toMatch(/^\{/);
  const { error } = JSON.parse(stdout) as { error: Record<string, unknown> };
  expect(error["code"], command).toBe(expected.code);
  const told = `${error["message"]} ${error["advice"]}`;
  for (const part of expected.says ?? []) expect(told, command).toContain(part);
  expect(String(error["advice"]).length, command).toBeGreaterThan(10);
  expect(told, `${command}: every place of the message is filled`).not.toMatch(/\{\w+\}/);
  expect(stdout + stderr, `${command}: no customer`).not.toContain(secret);
  expect(stderr, `${command}: told once`).not.toContain("TRB_");
}

/** What is refused before anything begins: in one process, since there is nothing that a process of its own would show. */
async function expectRefusals(cases: readonly Case[]): Promise<void> {
  for (const next of cases) expectError(await commands.tributary([...next.args, "--json"], folder.path), next);
  expect(readdirSync(temporaries), "no temporary file").toEqual([]);
}

/** Two cores, two commands at a time, each as a process. */
async function expectErrors(cases: readonly Case[]): Promise<void> {
  const waiting = [...cases];
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const cwd = next.cwd === undefined ? folder.path : folder.file(next.cwd);
      expectError(await tributary([...next.args, "--json"], { ...options, cwd }), next);
    }
  };
  await Promise.all([lane(), lane()]);
  expect(readdirSync(temporaries), "no temporary file").toEqual([]);
  expect(processesIn(folder.path), "no process").toEqual([]);
}

const canSeeProcesses = existsSync("/proc/self/cwd");

/** Processes whose working folder lies in this one. */
function processesIn(path: string): number[] {
  if (!canSeeProcesses) return [];
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        return Number.isInteger(pid) && pid !== process.pid && readlinkSync(`/proc/${pid}/cwd`).startsWith(path);
      } catch {
        return false; // ended since, or somebody else's
      }
    });
}

describe("a log that can't be used", busy, () => {
  const demo = (file: string, ...more: readonly string[]) => ["demo", "--events", file, ...columns, ...more];

  test("is refused before anything is written", async () => {
    await expectErrors([
      { args: demo("none.csv"), code: "TRB_EVENTS_FILE_NOT_FOUND", exitCode: 2, says: ["none.csv"] },
      {
        args: demo("times.csv"),
        code: "TRB_EVENTS_BAD_TIMESTAMP",
        exitCode: 1,
        says: ["times.csv", "line 2", "ts", "ISO 8601"],
      },
      { args: demo("line.csv"), code: "TRB_EVENTS_LINE_TOO_LONG", exitCode: 1, says: ["Line 1"] },
      { args: demo("good.csv", "--out", "foreign"), code: "TRB_DEMO_FOLDER_IN_USE", exitCode: 2, says: ["--out"] },
    ]);
    await expectRefusals([
      {
        args: ["demo", "--events", "good.csv", "--columns", "customer=usr,item=item,action=action,time=ts"],
        ...{ code: "TRB_EVENTS_UNKNOWN_COLUMN", exitCode: 2, says: ["usr", "user, item, action, ts"] },
      },
      { args: demo("headless.csv"), code: "TRB_EVENTS_NO_HEADER", exitCode: 2 },
      { args: ["demo", "--events", "good.csv"], code: "TRB_DEMO_LOG_INCOMPLETE", exitCode: 2, says: ["--columns"] },
      { args: demo("empty.csv"), code: "TRB_EVENTS_EMPTY", exitCode: 1 },
      { args: demo("header.csv"), code: "TRB_EVENTS_EMPTY", exitCode: 1 },
      { args: demo("one-customer.csv"), code: "TRB_EVENTS_TOO_FEW_CUSTOMERS", exitCode: 1, says: ["1"] },
      { args: demo("good.csv", "--merchants", "30"), code: "TRB_EVENTS_TOO_FEW_CUSTOMERS", exitCode: 1, says: ["40", "60"] },
      {
        args: ["simulate", "--events", "good.csv", "--columns", "customer=ts,item=item,action=action,time=user"],
        ...{ code: "TRB_EVENTS_BAD_TIMESTAMP", exitCode: 1 },
      },
      { args: demo("line.jsonl"), code: "TRB_EVENTS_LINE_TOO_LONG", exitCode: 1 },
      {
        args: demo("good.csv", "--catalogue", "other-catalogue.jsonl"),
        ...{ code: "TRB_EVENTS_NOTHING_LEFT", exitCode: 1, says: ["outsideCatalogue 240"] },
      },
      { args: demo("good.csv", "--catalogue", "words.txt"), code: "TRB_EVENTS_CATALOGUE_INVALID", exitCode: 1, says: ["1"] },
      { args: demo("good.csv", "--out", "words.txt"), code: "TRB_CLI_FILE_NOT_WRITABLE", exitCode: 1, says: ["it is a file"] },
    ]);
    expect(readdirSync(folder.path).sort()).toEqual(names);
    expect(readFileSync(folder.file("foreign", "precious.txt"), "utf8")).toBe("mine");
  });
});

describe("numbers that protect nobody, and wrong usage", busy, () => {
  const plan = (...more: readonly string[]) => [
    "plan",
    "new",
    "--home",
    "platform",
    "--catalogue",
    "catalogue.jsonl",
    "--customers",
    "40",
    ...more,
  ];

  test("are refused with the same codes by every command", async () => {
    const bad = "TRB_CLI_BAD_OPTION";
    await expectErrors([
      { args: ["demo", "--epsilon", "0"], code: bad, exitCode: 2, says: ["--epsilon", "above 0"] },
      {
        args: ["demo", "--events", "good.csv", ...columns, "--delta", "0.025"],
        code: "TRB_PLAN_DELTA_TOO_LARGE",
        exitCode: 3,
        says: ["1/40"],
      },
      { args: ["demoo"], code: "TRB_CLI_USAGE", exitCode: 2, says: ["demoo", "Did you mean demo?", "tributary --help"] },
      { args: ["node", "join", "invite", secret, "--home", "shop"], code: "TRB_CLI_USAGE", exitCode: 2 },
    ]);
    await expectRefusals([
      { args: ["simulate", "--epsilon", "-1"], code: bad, exitCode: 2, says: ["-1"] },
      { args: plan("--merchants", "3", "--epsilon", "0"), code: bad, exitCode: 2 },
      { args: ["demo", "--merchants", "abc"], code: bad, exitCode: 2, says: ["--merchants", "abc", "whole number"] },
      { args: ["demo", "--merchants", "2"], code: bad, exitCode: 2, says: ["at least 3"] },
      {
        args: ["simulate", "--events", "good.csv", ...columns, "--delta", "0.5"],
        code: "TRB_PLAN_DELTA_TOO_LARGE",
        exitCode: 3,
      },
      { args: plan("--merchants", "3", "--delta", "0.025"), code: "TRB_PLAN_DELTA_TOO_LARGE", exitCode: 3 },
      {
        args: plan("--merchants", "3", "--min-cohort", "4"),
        code: "TRB_PLAN_COHORT_ABOVE_NODES",
        exitCode: 2,
        says: ["4", "3"],
      },
      { args: ["node", "strat"], code: "TRB_CLI_USAGE", exitCode: 2, says: ["Did you mean start?"] },
      { args: ["demo", "--merchant", "3"], code: "TRB_CLI_USAGE", exitCode: 2, says: ["Did you mean --merchants?"] },
      { args: ["node", "check"], code: "TRB_CLI_USAGE", exitCode: 2, says: ["--home"] },
    ]);
    expect(readdirSync(folder.path).sort()).toEqual(names);
  });

  test("are told to people on stderr, and stdout stays empty", async () => {
    const outcomes = await Promise.all([
      tributary(["demo", "--epsilon", "0"], options),
      tributary(["demo", "--marchants", "3"], options),
    ]);
    for (const { exitCode, stdout, stderr } of outcomes) {
      expect([exitCode, stdout]).toEqual([2, ""]);
      expect(stderr.match(/TRB_/g)).toHaveLength(1);
      expect(stderr).toContain("what to do:");
    }
  });
});

describe("files that aren't what they should be", busy, () => {
  test("are refused: plans, ledgers, invites and the configuration", async () => {
    await expectErrors([
      { args: ["plan", "check", "words.txt"], code: "TRB_CLI_NOT_JSON", exitCode: 2 },
      {
        args: ["ledger", "verify", "garbage.jsonl"],
        code: "TRB_CLI_LEDGER_NOT_VERIFIED",
        exitCode: 4,
        says: ["entry 0 (line 1)"],
      },
      { args: ["ledger", "show", "x"], cwd: "config-broken", code: "TRB_CLI_CONFIGURATION", exitCode: 2, says: ["not JSON"] },
      {
        args: ["ledger", "show", "x"],
        cwd: "config-command",
        code: "TRB_CLI_CONFIGURATION",
        exitCode: 2,
        says: ["node strat"],
      },
      { args: ["node", "check"], cwd: "config-option", code: "TRB_CLI_CONFIGURATION", exitCode: 2, says: ["hose", "home"] },
    ]);
    await expectRefusals([
      { args: ["plan", "explain", "none.json"], code: "TRB_CLI_FILE_NOT_FOUND", exitCode: 2 },
      { args: ["ledger", "verify", "none.jsonl"], code: "TRB_CLI_FILE_NOT_FOUND", exitCode: 2 },
      { args: ["ledger", "verify", "foreign"], code: "TRB_CLI_FILE_UNREADABLE", exitCode: 2, says: ["folder"] },
      { args: ["ledger", "verify", "empty.csv"], code: "TRB_CLI_LEDGER_NOT_VERIFIED", exitCode: 4, says: ["TRB_LEDGER_EMPTY"] },
      { args: ["ledger", "show", "garbage.jsonl"], code: "TRB_LEDGER_LINE_INVALID", exitCode: 4 },
      { args: ["node", "join", "not-an-invite", "--home", "shop"], code: "TRB_INVITE_INVALID", exitCode: 2 },
      { args: ["node", "check", "--home", "shop"], code: "TRB_NODE_NOT_JOINED", exitCode: 2 },
      { args: ["coordinator", "status", "--home", "shop"], code: "TRB_COORDINATOR_HOME_EMPTY", exitCode: 2 },
    ]);
    expect(readdirSync(folder.path).sort()).toEqual(names);
  });

  test("but a good configuration gives required options, and help never needs one", async () => {
    const [account, help] = await Promise.all([
      tributary(["account", "epsilon", "--json"], { ...options, cwd: folder.file("config-good") }),
      tributary(["node", "start", "--help"], { ...options, cwd: folder.file("config-broken") }),
    ]);
    expect([account.exitCode, account.stderr]).toEqual([0, ""]);
    expect(JSON.parse(account.stdout)).toMatchObject({ delta: 1e-5 });
    expect([help.exitCode, help.stderr]).toEqual([0, ""]);
    expect(help.stdout).toContain("Example:");
  });
});

describe("a federation", busy, () => {
  let federation: SmallFederation;

  test("stops cleanly at SIGTERM, and its half-written ledger is refused", { timeout: 60_000 }, async () => {
    const inside = folder.file("federation");
    federation = await smallFederation(inside, { merchants: 3, rounds: 50 });
    const { platform, planFile, catalogueFile, parts, home } = federation;
    const start = ["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile];
    const unknownKey = folder.file("federation", "unknown-key.json");
    writeFileSync(unknownKey, JSON.stringify({ ...federation.plan, surprise: true }));
    const occupied = createServer();
    const port = await new Promise<number>((resolve) => {
      occupied.listen(0, "127.0.0.1", () => resolve((occupied.address() as { port: number }).port));
    });
    await expectErrors([
      { args: [...start, "--port", String(port)], code: "TRB_COORDINATOR_PORT_IN_USE", exitCode: 1, says: ["--port"] },
      { args: ["plan", "check", unknownKey], code: "TRB_PLAN_INVALID", exitCode: 2, says: ["surprise"] },
    ]);
    occupied.close();
    await expectErrors([
      { args: [...start, "--start-when", "2"], code: "TRB_PLAN_COHORT_ABOVE_NODES", exitCode: 2, says: ["3", "2"] },
    ]);

    const coordinator = await service([...start, "--port", "0"], options);
    await joinAll(federation, inside, String(coordinator.ready["url"]));
    const [first, ...others] = parts.map(({ node }) => node);
    const log = `${inside}/logs/${first}.csv`;
    writeFileSync(log, `${readFileSync(log, "utf8")}${secret},no such item,view,1600000000\n`);
    const imported = await tributaryJson(
      [
        "node",
        "import",
        log,
        "--home",
        home(String(first)),
        "--columns",
        "customer=customer,item=item,action=action,time=time",
      ],
      options,
    );
    expect(imported["dropped"], "dropped and counted").toMatchObject({ outsideCatalogue: 1 });

    const nodes = await Promise.all(
      [first, ...others].map((node) => service(["node", "start", "--home", home(String(node))], options)),
    );
    const ledger = `${platform}/ledger.jsonl`;
    const written = await until(
      async () => (existsSync(ledger) ? readFileSync(ledger) : Buffer.alloc(0)),
      (bytes) => bytes.length > 0,
      20,
    );
    expect(await Promise.all([...nodes, coordinator].map((one) => one.stop("SIGTERM")))).toEqual([0, 0, 0, 0]);
    for (const one of [...nodes, coordinator]) expect(one.log()).not.toContain(secret);

    const cut = folder.file("federation", "cut.jsonl");
    writeFileSync(cut, written.subarray(0, written.length - 10));
    await expectErrors([
      { args: ["ledger", "verify", cut], code: "TRB_CLI_LEDGER_NOT_VERIFIED", exitCode: 4, says: ["entry"] },
    ]);
  });
});

interface RunningDemo {
  readonly pid: number;
  readonly outcome: Promise<Outcome>;
  /** Process ids of coordinator and nodes. */
  readonly children: readonly number[];
}

/** A demo that has come so far that this file is there. Its working folder is its own, by which its processes are found. */
async function demoUntil(file: string, cwd: string): Promise<RunningDemo> {
  const args = ["demo", "--events", folder.file("good.csv"), ...columns, "--merchants", "3", "--rounds", "200", "--out", "out"];
  const { pid, outcome } = begin([...args, "--json"], { ...options, cwd });
  const ended = outcome.then(({ stdout, stderr }) => Promise.reject(new Error(`the demo ended: ${stdout}${stderr}`)));
  const reached = async () => existsSync(`${cwd}/out/work/${file}`) && readFileSync(`${cwd}/out/work/${file}`).length > 0;
  await Promise.race([until(reached, (there) => there, 120), ended]);
  ended.catch(() => {}); // it is to end from here on
  return { pid, outcome, children: processesIn(cwd).filter((child) => child !== pid) };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.skipIf(!canSeeProcesses)("a demo that is stopped on the way", () => {
  test("by Ctrl-C in mid-round leaves neither processes nor its folder; by SIGKILL its processes end by themselves", {
    timeout: 240_000,
  }, async () => {
    const earlier = folder.file("interrupted", "out");
    mkdirSync(earlier, { recursive: true });
    mkdirSync(folder.file("killed"));
    writeFileSync(`${earlier}/.tributary-demo`, "");
    writeFileSync(`${earlier}/report.html`, "of an earlier demo");

    const killed = demoUntil("logs/merchant-1.log", folder.file("killed")).then(async ({ pid, children }) => {
      process.kill(pid, "SIGKILL");
      expect(children.length, "the coordinator and a node").toBeGreaterThanOrEqual(2);
      const left = async () => children.filter(isAlive);
      await until(left, (pids) => pids.length === 0, 30);
    });
    const interrupted = demoUntil("homes/platform/ledger.jsonl", folder.file("interrupted")).then(async (demo) => {
      expect(existsSync(`${earlier}/report.html`), "an earlier demo's folder is replaced").toBe(false);
      expect(demo.children.length, "the coordinator and three nodes").toBeGreaterThanOrEqual(4);
      process.kill(demo.pid, "SIGINT");
      expectError(await demo.outcome, { args: ["demo"], code: "TRB_DEMO_INTERRUPTED", exitCode: 130 });
      expect(demo.children.filter(isAlive), "stopped before the demo itself ends").toEqual([]);
      expect(existsSync(earlier)).toBe(false);
    });
    await Promise.all([killed, interrupted]);
    expect(readdirSync(temporaries)).toEqual([]);
  });
});

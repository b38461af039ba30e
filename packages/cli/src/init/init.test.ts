/** The wizard: by flags alone, by keys on streams, and in a terminal of its own. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { createInvite, startCoordinator } from "@tributary/coordinator";
import { catalogueBytes, readCatalogue } from "@tributary/events";
import { parsePlan } from "@tributary/protocol";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { type InitFlags, initialise } from "../commands/init.ts";
import { applyConfiguration } from "../configuration.ts";
import { program } from "../program.ts";
import { say } from "../said.test-support.ts";
import { invokedCommand } from "../usage.ts";
import { screenOn } from "./screen.ts";
import { initWords, languageOf } from "./words.ts";

const start = process.cwd();
const folder = mkdtempSync(join(tmpdir(), "tributary-init-"));
let place = 0;
beforeEach(() => {
  const here = join(folder, String(place++));
  spawnSync("mkdir", [here]);
  process.chdir(here);
  writeFileSync(
    "shop.csv",
    "wer,item,action,ts\na,i1,view,1600000000\na,i2,buy,1600000100\nb,i1,view,1600000000\nb,i3,buy,1600000400\n",
  );
  writeFileSync("catalogue.jsonl", Array.from({ length: 12 }, (_, item) => `{"id":"i${item}"}\n`).join(""));
});
afterEach(() => {
  process.chdir(start);
  vi.restoreAllMocks();
});
afterAll(() => rmSync(folder, { recursive: true }));

const configuration = () =>
  JSON.parse(readFileSync("tributary.config.json", "utf8")) as Record<string, Record<string, unknown>>;
const nothingNew = ["catalogue.jsonl", "shop.csv"];

const [enter, down, interrupt] = ["\r", "\u001b[B", "\u0003"];

/** Waits for words on the screen, each time, and presses keys. @returns what was on the screen */
async function driven(
  flags: InitFlags,
  steps: readonly (readonly [RegExp, string])[],
  run: (words: readonly string[]) => Promise<unknown> = async () => undefined,
) {
  const [input, output] = [new PassThrough(), Object.assign(new PassThrough(), { columns: 100, rows: 40, isTTY: true })];
  const rest = [...steps];
  let [shown, all] = ["", ""];
  output.on("data", (chunk) => {
    shown += stripVTControlCharacters(String(chunk));
    all += stripVTControlCharacters(String(chunk));
    const next = rest[0];
    if (next === undefined || !next[0].test(shown)) return;
    rest.shift();
    shown = "";
    setTimeout(() => {
      for (const key of next[1].split(/(?=\r)|(?<=B)|(?=.\[B)/)) input.write(key);
    }, 20); // as a person, after it is drawn
  });
  let printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  const thrown = await initialise({ language: "en", ...flags }, screenOn(input, output), run).then(
    () => undefined,
    (error: unknown) => error,
  );
  vi.restoreAllMocks();
  return { all, printed, thrown, left: rest.length };
}

test("without a terminal every answer that is missing is named by its flag, at once, and nothing is written", async () => {
  const refused = (flags: string) => ({
    code: "TRB_CLI_INIT_UNANSWERED",
    exitCode: 2,
    message: expect.stringContaining(flags),
  });
  await expect(say("init")).rejects.toMatchObject(refused("--as merchant, platform or look"));
  await expect(say("init", "--as", "merchant")).rejects.toMatchObject(
    refused("--home FOLDER, --invite TEXT or --wait, --log FILE, --epsilon ε"),
  );
  await expect(say("init", "--as", "platform", "--yes")).rejects.toMatchObject(
    refused("--federation NAME, --catalogue FILE, --customers N, --merchants N"),
  );
  // a log whose customer nobody can guess
  writeFileSync("odd.csv", "x,y\n1,2\n1,2\n");
  await expect(say("init", "--as", "look", "--yes", "--log", "odd.csv")).rejects.toMatchObject(refused("--columns"));
  expect(readdirSync(".").sort()).toEqual(["catalogue.jsonl", "odd.csv", "shop.csv"]);
});

test("a merchant without an invite gets a configuration that the commands take, and the commands themselves", async () => {
  const said = await say(
    "init",
    "--as",
    "merchant",
    "--wait",
    "--yes",
    "--log",
    "shop.csv",
    "--columns",
    "customer=wer,item=item,action=action,time=ts",
    "--epsilon",
    "2",
    "--json",
  );
  const { next, files } = JSON.parse(said) as { next: string[]; files: string[] };
  expect(files).toEqual(["tributary.config.json"]);
  expect(next[0]).toBe("tributary node join INVITE --home shop");
  expect(next).toContain("tributary node policy --epsilon 2");
  expect(next.find((command) => command.includes("import"))).toMatch(
    /^tributary node import shop\.csv --columns customer=wer,item=item,action=action,time=ts/,
  );
  // each entry is one of a command, with options that it has
  for (const path of Object.keys(configuration())) applyConfiguration(invokedCommand(program(), path.split(" ")));
  expect(configuration()["node check"]).toEqual({ home: "shop" });
});

test("a platform's plan is what `plan new` makes; what the linter refuses is refused before anything is written", async () => {
  const flags = [
    "--as",
    "platform",
    "--federation",
    "books",
    "--catalogue",
    "catalogue.jsonl",
    "--customers",
    "3000",
    "--merchants",
    "3",
    "--yes",
  ];
  await expect(say("init", ...flags, "--delta", "0.1")).rejects.toMatchObject({
    code: "TRB_PLAN_DELTA_TOO_LARGE",
    exitCode: 3,
  });
  expect(readdirSync(".").sort()).toEqual(nothingNew);
  const said = await say("init", ...flags, "--operator", "night-shift");
  expect(said).toContain("tributary coordinator start --plan plan.json --catalogue catalogue.jsonl --start-when 3");
  expect(said).toContain("tributary coordinator operator add --name night-shift --role operator");
  const plan = parsePlan(JSON.parse(readFileSync("plan.json", "utf8")));
  expect(plan).toMatchObject({ federation: "books", minCustomers: 3000 });
  expect(Number(plan.epsilon)).toBeCloseTo(8, 3);
  await say(
    "plan",
    "new",
    "--home",
    "platform",
    "--federation",
    "books",
    "--catalogue",
    "catalogue.jsonl",
    "--customers",
    "3000",
    "--merchants",
    "3",
    "--delta",
    plan.delta,
    "--out",
    "by-hand.json",
  );
  expect(parsePlan(JSON.parse(readFileSync("by-hand.json", "utf8")))).toEqual(plan);
});

test("with an invite the node joins, has the policy that was answered, and is told whether it would take part", {
  timeout: 60_000,
}, async () => {
  await say(
    "init",
    "--as",
    "platform",
    "--federation",
    "books",
    "--catalogue",
    "catalogue.jsonl",
    "--customers",
    "3000",
    "--merchants",
    "3",
    "--yes",
  );
  const coordinator = await startCoordinator({
    ...{ home: "platform", host: "127.0.0.1", port: 0, plan: JSON.parse(readFileSync("plan.json", "utf8")) },
    catalogue: catalogueBytes(await readCatalogue("catalogue.jsonl")),
  });
  try {
    const { invite } = await createInvite({ home: "platform" }, { node: "shop-1", url: coordinator.url, hours: 1 });
    const flags = ["--as", "merchant", "--invite", invite, "--yes", "--epsilon", "2", "--hours", "22:00-06:00", "--json"];
    const told = JSON.parse(await say("init", ...flags)) as Record<string, unknown>;
    expect(told).toMatchObject({ home: "shop", joined: { federation: "books", node: "shop-1" }, accepted: false });
    expect(JSON.stringify(told["findings"])).toContain("TRB_POLICY_"); // ε = 2 is less than the plan's 8
    expect(JSON.stringify(told)).not.toContain(invite);
    const policy = JSON.parse(readFileSync("shop/policy.json", "utf8")) as Record<string, unknown>;
    expect(policy).toMatchObject({ maxEpsilon: 2, trainingHours: { from: "22:00", to: "06:00" } });
  } finally {
    await coordinator.close();
  }
});

test("where a file can't be written, the home and the key that it had just made are taken away again", async () => {
  const flags = ["--federation", "books", "--catalogue", "catalogue.jsonl", "--customers", "3000", "--merchants", "3", "--yes"];
  const failed = say("init", "--as", "platform", ...flags, "--out", "no/such/folder/plan.json");
  await expect(failed).rejects.toMatchObject({ code: "TRB_CLI_FILE_NOT_WRITABLE" });
  expect(readdirSync(".").sort()).toEqual(nothingNew);
});

test("another command's configuration stays; what would be contradicted is asked about, or needs --yes", async () => {
  writeFileSync("tributary.config.json", '{ "doctor": { "json": true }, "node check": { "home": "old" } }');
  const flags = { as: "merchant", home: "shop", wait: true, log: "", epsilon: 0, hours: "any", retentionDays: 0 } as const;
  await expect(initialise(flags, undefined, async () => {})).rejects.toMatchObject({
    code: "TRB_CLI_INIT_UNANSWERED",
    message: expect.stringContaining("node check: home old → shop"),
  });
  const { thrown } = await driven(flags, [[/Replace it/, enter]]);
  expect(thrown).toMatchObject({ code: "TRB_CLI_STOPPED" });
  expect(configuration()["node check"]).toEqual({ home: "old" });
  await say("init", "--as", "merchant", "--yes");
  expect(configuration()).toMatchObject({ doctor: { json: true }, "node check": { home: "shop" } });
});

test("a merchant answers by keys: columns are guessed or chosen, ε is said in words, and the commands follow", {
  timeout: 90_000,
}, async () => {
  const { printed, thrown, left, all } = await driven({}, [
    [/What brings you here/, enter],
    [/home\? Keys/, enter],
    [/invite from the platform/, down + enter],
    [/behaviour log/, `shop.csv${enter}`],
    [/Which column says the customer/, enter],
    [/right columns/, enter],
    [/How much may be learnt/, down + down + enter],
    [/When may this machine/, down + enter],
    [/How long are events kept/, enter],
  ]);
  expect(thrown).toBeUndefined();
  expect(left).toBe(0);
  expect(all).toContain("at most 73.2 % sure"); // e/(1 + e), rounded up
  expect(all).toMatch(/wer → the customer/);
  expect(printed).toContain("tributary node policy --epsilon 2 --hours 22:00-06:00");
  expect(configuration()["node start"]).toEqual({ home: "shop" });
});

test("the linter's answer to a platform is shown at once, and its numbers are asked again until it has none", {
  timeout: 90_000,
}, async () => {
  const flags = {
    as: "platform",
    home: "platform",
    federation: "books",
    catalogue: "catalogue.jsonl",
    customers: 3000,
    merchants: 3,
    delta: 0.01,
    epsilon: 8,
    out: "plan.json",
    reach: "here",
    operator: "",
  } as const;
  const { thrown, left, all } = await driven(flags, [
    [/TRB_PLAN_DELTA_TOO_LARGE[\s\S]*What should be different/, down + down + down + enter],
    [/What chance may there be/, enter],
    [/Write this plan/, enter],
  ]);
  expect(thrown).toBeUndefined();
  expect(left).toBe(0);
  expect(all).toContain("The linter refuses such a plan");
  expect(parsePlan(JSON.parse(readFileSync("plan.json", "utf8"))).delta).toBe("0.000001");
});

test("whoever is just looking may run it at once", { timeout: 90_000 }, async () => {
  const ran: (readonly string[])[] = [];
  const steps = [
    [/What would you like to see/, down + enter],
    [/A log of your own/, enter],
    [/Run it now/, enter],
  ] as const;
  await driven({ as: "look" }, steps, async (words) => ran.push(words));
  expect(ran).toEqual([["simulate"]]);
  expect(readdirSync(".").sort()).toEqual(nothingNew);
});

test("Ctrl-C at any question leaves nothing behind, and ends as interrupted", { timeout: 90_000 }, async () => {
  const steps = [
    [/home\? Keys/, enter],
    [/invite from the platform/, down + enter],
    [/behaviour log/, `shop.csv${enter}`],
    [/Which column says the customer/, enter],
    [/right columns/, enter],
    [/How much may be learnt/, enter],
  ] as const;
  for (let at = 0; at < steps.length; at++) {
    const pressed = steps
      .slice(0, at + 1)
      .map(([question, keys], place) => [question, place === at ? interrupt : keys] as const);
    expect((await driven({ as: "merchant" }, pressed)).thrown, `question ${at}`).toMatchObject({
      code: "TRB_CLI_STOPPED",
      exitCode: 130,
    });
    expect(readdirSync(".").sort()).toEqual(nothingNew);
  }
});

test("an invite that is none is refused where it is typed, and never shown", { timeout: 90_000 }, async () => {
  const { all, left } = await driven({ as: "merchant", home: "shop" }, [
    [/invite from the platform/, enter],
    [/Paste the invite/, `not-an-invite${enter}`],
    [/invite can't be read|invite is not|no invite|invalid/i, interrupt],
  ]);
  expect(left).toBe(0);
  expect(all).not.toContain("not-an-invite");
});

test("it speaks the environment's language", async () => {
  expect([{ LANG: "zh_CN.UTF-8" }, { LANG: "zh_CN.UTF-8", LC_ALL: "C" }, { LC_MESSAGES: "zh_TW" }, {}].map(languageOf)).toEqual(
    ["zh", "en", "zh", "en"],
  );
  const { printed, all } = await driven({ language: "zh", as: "look", log: "" }, [
    [/您想看什么/, enter],
    [/现在运行吗/, down + enter],
  ]);
  expect(all).toContain(initWords.zh.title);
  expect(printed).toContain("接下来:");
});

const hasScript = spawnSync("script", ["--version"]).error === undefined;
test.skipIf(!hasScript)(
  `in a terminal of its own, by keys alone${hasScript ? "" : " (no script here)"}`,
  { timeout: 120_000 },
  async () => {
    const main = fileURLToPath(new URL("../main.ts", import.meta.url));
    const words = [process.execPath, "--disable-warning=ExperimentalWarning", main, "init", "--language", "en"];
    const child = spawn("script", ["-qec", words.map((word) => `'${word}'`).join(" "), "/dev/null"], {
      env: { ...process.env, TERM: "xterm" },
    });
    const steps: [RegExp, string][] = [
      [/What brings you here/, down + down + enter],
      [/What would you like to see/, enter],
      [/A log of your own/, `shop.csv${enter}`],
      [/Which column says the customer/, enter],
      [/right columns/, enter],
      [/Run it now/, `n`],
    ];
    let [shown, all] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      shown += stripVTControlCharacters(text);
      all += text;
      if (steps[0]?.[0].test(shown) !== true) return;
      const [, keys] = steps.shift() ?? [/./, ""];
      shown = "";
      setTimeout(() => child.stdin.write(keys), 200);
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(steps.length, stripVTControlCharacters(all)).toBe(0);
    expect(code).toBe(0);
    expect(configuration()).toEqual({ demo: { events: "shop.csv", columns: "customer=wer,item=item,action=action,time=ts" } });
    expect(existsSync("tributary-demo")).toBe(false);
  },
);

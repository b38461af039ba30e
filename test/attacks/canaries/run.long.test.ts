/**
 * A whole federation of real processes in which everything private is a canary: customers, the shop's own item names, what was searched for, passwords, tokens,
 * invites, keys. It joins, imports, trains, serves, is looked at, is attacked with wrong tokens, bad rows and a damaged store, crashes, and is backed up.
 * Then every byte that was written or that left is searched for them (`scan.ts`).
 *
 * Where they are meant to be, and not looked for: what the merchant's own commands and serving answer to the merchant; `keys/` of each home, mode 600; the
 * merchant's own logs and rejects; the one request by which an invite, a password or a token is shown to whom it is for.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killAll, type Outcome, type Service, service, temporaryFolder, tributary } from "../../e2e/processes.ts";
import { type SmallFederation, smallFederation } from "../../e2e/small-federation.ts";
import { type Liar, startLiar } from "../coordinator/between.ts";
import { finding } from "../finding.ts";
import { type Canary, filesBelow, type Place, scan } from "./scan.ts";

const folder = temporaryFolder("canaries");
const mark = randomBytes(6).toString("hex");
const canaries: Canary[] = [];
const plant = (name: string, text: string): string => {
  canaries.push({ name, bytes: Buffer.from(text) });
  return text;
};
const plantKey = (name: string, bytes: Buffer) => canaries.push({ name, bytes });

/** Parts of longer words: every customer's id holds the first, every SKU the second. */
const person = plant("a customer's id", `zeisig-${mark}`);
const sku = plant("a SKU of the merchant's own", `stieglitz-${mark}`);
const stray = plant("an item that no catalogue has", `girlitz-${mark}`);
const sought = plant("words that were searched for", `rotkehlchen ${mark}`);
const databasePassword = plant("a database's password", `gimpel-${mark}`);
const sourceToken = plant("an API's token", `pirol-${mark}-of-the-shop`);
const operatorPassword = plant("an operator's password", `kleiber-${mark} and so on`);
const wrongToken = plant("a token that was guessed", `trb_wiedehopf_${mark}`);
const metricsToken = plant("the token of metrics", `bachstelze-${mark}`);

const places: Place[] = [];
const write = (name: string, ...bytes: readonly (string | Buffer)[]) =>
  places.push({ name, bytes: Buffer.concat(bytes.map((one) => Buffer.from(one))) });
const services: { readonly name: string; readonly running: Service }[] = [];
let federation: SmallFederation;
let liar: Liar;
let coordinatorUrl = "";
/** What the operators' own browser would hold. */
const shown: { token: string; cookie: string } = { token: "", cookie: "" };

/**
 * A command of a merchant or the platform; what it logs is looked at, and what it answers as well unless that is its own.
 * @param refused it is to fail: what it says of that is the point
 */
async function run(
  args: readonly string[],
  { own = false, refused = false }: { readonly own?: boolean; readonly refused?: boolean } = {},
): Promise<Outcome> {
  const outcome = await tributary(args);
  const what = args.slice(0, 2).join(" ");
  // a doctor that found something has done its work
  if ((outcome.exitCode === 0) === refused && !args.includes("doctor"))
    throw new Error(`${args.join(" ")}: exit ${outcome.exitCode}\n${outcome.stdout}${outcome.stderr}`);
  write(`stderr of ${what}`, outcome.stderr);
  if (!own) write(`stdout of ${what}`, outcome.stdout);
  return outcome;
}

async function start(name: string, args: readonly string[], env: Record<string, string> = {}): Promise<Service> {
  const running = await service(args, { env });
  services.push({ name, running });
  return running;
}

/** An answer to somebody for whom nothing private is meant. */
async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(url, init);
  const body = Buffer.from(await answer.clone().arrayBuffer());
  write(`answer to ${init.method ?? "GET"} ${new URL(url).pathname}`, JSON.stringify([...answer.headers]), body);
  return answer;
}

const secretFile = (name: string, text: string) => {
  const file = folder.file(name);
  writeFileSync(file, `${text}\n`, { mode: 0o600 });
  return file;
};

/** The made-up log with canaries for names, and rows that are refused. */
function plantLog(node: string): { readonly log: string; readonly skus: string } {
  const [head = "", ...rows] = readFileSync(folder.file("logs", `${node}.csv`), "utf8")
    .trim()
    .split("\n");
  const columns = head.split(",");
  const of = (row: string, column: string) => row.split(",")[columns.indexOf(column)] ?? "";
  const items = [...new Set(rows.map((row) => of(row, "item")))];
  const lines = rows.map(
    (row) => `${person}-${of(row, "customer")},${sku}-${of(row, "item")},${of(row, "action")},${of(row, "time")},`,
  );
  const searched = rows.slice(0, 20).map((row) => `${person}-${of(row, "customer")},,search,${of(row, "time")},${sought}`);
  const bad = [
    `${person}-bad,${stray},view,1700000000,`,
    `${person}-worse,${sku}-${items[0]},view,no time at all,`,
    `"${person}-torn,${sku}`,
  ];
  const log = folder.file(`${node}-planted.csv`);
  writeFileSync(log, `${["customer,item,action,time,keywords", ...lines, ...searched, ...bad.slice(0, 2)].join("\n")}\n`);
  writeFileSync(
    folder.file(`${node}-torn.csv`),
    `${["customer,item,action,time,keywords", ...lines.slice(0, 3), ...bad].join("\n")}\n`,
  );
  const skus = folder.file(`${node}-skus.csv`);
  writeFileSync(skus, `sku,id\n${items.map((item) => `${sku}-${item},${item}`).join("\n")}\n`);
  return { log, skus };
}

/** Nobody is missing here, so that no deadline is waited for; a busy machine passes short ones. */
const patient = { keys: 90_000, shares: 90_000, masked: 90_000, consistency: 90_000, unmask: 90_000 };
const columnsOption = ["--columns", "customer=customer,item=item,action=action,time=time,keywords=keywords"];

beforeAll(async () => {
  federation = await smallFederation(folder.path, { merchants: 3, rounds: 1, customers: 120, deadlines: patient });
  const { platform, planFile, catalogueFile, parts } = federation;
  let behind = "";
  liar = await startLiar(() => behind, platform, true);
  const coordinator = await start("coordinator", [
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile, "--port", "0"],
    ...["--start-when", "3", "--log-level", "trace", "--metrics-token-file", secretFile("metrics-token", metricsToken)],
  ]);
  behind = String(coordinator.ready["url"]);
  coordinatorUrl = behind;
  await run([
    ...["coordinator", "operator", "add", "--home", platform, "--name", "night-shift", "--role", "operator"],
    ...["--password-file", secretFile("password", operatorPassword)],
  ]);

  const fingerprints: string[] = [];
  for (const { node } of parts) {
    const invited = await run(["coordinator", "invite", "--home", platform, "--node", node, "--url", liar.url, "--json"], {
      own: true,
    });
    const { invite } = JSON.parse(invited.stdout) as { invite: string };
    const { token } = JSON.parse(Buffer.from(invite, "base64url").toString("utf8")) as { token: string };
    plant(`the invite's token of ${node}`, token);
    const joined = await run(["node", "join", invite, "--home", federation.home(node), "--json"]);
    fingerprints.push((JSON.parse(joined.stdout) as { fingerprint: string }).fingerprint);
  }
  for (const { node } of parts) {
    const home = federation.home(node);
    await run(["node", "trust", "--home", home, ...fingerprints]);
    const { log, skus } = plantLog(node);
    const names = ["--sku-map", skus, "--rejects", folder.file(`${node}-rejects.csv`)];
    const imported = await run(["node", "import", log, "--home", home, ...columnsOption, ...names, "--json"]);
    expect(imported.exitCode, imported.stderr).toBe(0);
  }
  const [{ node = "" } = {}] = parts;
  const home = federation.home(node);
  // what goes wrong at an import
  const source = secretFile("source", `postgres://reader:${databasePassword}@127.0.0.1:1/shop`);
  await run(["node", "import", "--home", home, "--sql", "SELECT 1", "--source-file", source], { refused: true });
  await run(
    [
      "node",
      "import",
      "--home",
      home,
      "--http",
      `${behind}/v1/status?shop=${person}`,
      "--http-token-file",
      secretFile("api", sourceToken),
    ],
    { refused: true },
  );
  await run(["node", "import", folder.file(`${node}-torn.csv`), "--home", home, ...columnsOption], { refused: true });
  await run(["node", "import", folder.file("gone.csv"), "--home", home], { refused: true });
  for (const each of parts) {
    plantKey(`the identity key of ${each.node}`, readFileSync(join(federation.home(each.node), "keys", "identity")));
    plantKey(`the store's key of ${each.node}`, readFileSync(join(federation.home(each.node), "keys", "store")));
  }
  plantKey("the coordinator's identity key", readFileSync(join(platform, "keys", "identity")));

  const nodes = await Promise.all(
    parts.map((each) => start(each.node, ["node", "start", "--home", federation.home(each.node), "--until-done"])),
  );
  await Promise.all(nodes.map(({ exit }) => exit));
  await serveAndFail(home);
  await operate(platform);
}, 600_000);

afterAll(async () => {
  killAll();
  await liar?.close();
  folder.remove();
});

/** The shop's side: live events, wrong tokens, nonsense, a crash, and a start on a damaged store. */
async function serveAndFail(home: string): Promise<void> {
  const serving = await start("node serve", ["node", "serve", "--home", home, "--port", "0"]);
  const url = String(serving.ready["url"]);
  const token = readFileSync(String(serving.ready["tokenFile"]), "utf8").trim();
  plant("the serving token", token);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const post = (body: unknown, own: Record<string, string> = headers): RequestInit => ({
    method: "POST",
    headers: own,
    body: JSON.stringify(body),
  });
  const live = {
    events: [
      { customer: `${person}-live`, item: `${sku}-1`, action: "buy" },
      { customer: `${person}-live`, keywords: sought, action: "search" },
    ],
  };
  await fetch(`${url}/v1/events`, post(live));
  await fetch(`${url}/v1/recommend`, post({ customer: `${person}-live` }));
  await ask(`${url}/v1/recommend`, post({ customer: `${person}-live` }, { ...headers, authorization: `Bearer ${wrongToken}` }));
  await ask(`${url}/v1/recommend`, post({ customer: `${person}-live`, [person]: sku, k: sought }));
  await ask(`${url}/v1/events`, post({ events: [{ customer: person, item: stray, time: "never" }] }));
  await ask(`${url}/v1/recommend`, { method: "POST", headers, body: `{"customer": "${person}` });
  await ask(`${url}/v1/${person}?token=${wrongToken}`, { headers });
  for (const path of ["/metrics", "/healthz", "/readyz", "/openapi.json"]) await ask(`${url}${path}`);
  await ask(`${url}/metrics`, { headers });
  await serving.kill();

  const page = await start("node page", ["node", "page", "--home", home, "--port", "0"]);
  const link = new URL(String(page.ready["link"]));
  plant("the page's link", link.hash.slice(1));
  await ask(link.href.split("#")[0] ?? "");
  await ask(`${link.origin}/api/overview`);
  await ask(`${link.origin}/api/session`, {
    method: "POST",
    headers: { origin: link.origin, "content-type": "application/json" },
    body: JSON.stringify({ token: wrongToken }),
  });
  await page.stop("SIGTERM");

  await run(["node", "predict", "--home", home, "--out", folder.file("predictions.csv"), "--json"]);
  await run(["node", "check", "--home", home, "--json"]);
  await run(["node", "report", "--home", home, "--json"]);
  await run(["doctor", "--home", home]);
}

/** The platform's side: logging in, tokens, refusals, metrics, a backup, a doctor, a statement. */
async function operate(platform: string): Promise<void> {
  const json = { "content-type": "application/json", origin: coordinatorUrl };
  const login = (password: string) =>
    fetch(`${coordinatorUrl}/v1/operators/login`, {
      method: "POST",
      headers: json,
      body: JSON.stringify({ name: "night-shift", password }),
    });
  const refused = await login(`${operatorPassword} or not`);
  write("answer to a wrong password", await refused.text());
  const session = await login(operatorPassword);
  write("answer to a password", await session.clone().text());
  shown.cookie = (session.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  plant("a session's cookie", shown.cookie.split("=")[1] ?? "");
  const own = { ...json, cookie: shown.cookie, "x-tributary-operator": "1" };
  const made = await fetch(`${coordinatorUrl}/v1/operators/tokens`, {
    method: "POST",
    headers: own,
    body: JSON.stringify({ name: "scraper", role: "viewer" }),
  });
  shown.token = ((await made.json()) as { token: string }).token;
  plant("an operator's API token", shown.token);
  for (const path of ["status", "round", "findings", "roster", "tokens", "accounts", "audit", "invites"]) {
    await ask(`${coordinatorUrl}/v1/operators/${path}`, { headers: own });
    await ask(`${coordinatorUrl}/v1/operators/${path}`, { headers: { authorization: `Bearer ${shown.token}` } });
    await ask(`${coordinatorUrl}/v1/operators/${path}`, { headers: { authorization: `Bearer ${wrongToken}` } });
  }
  for (const path of [
    "/v1/status",
    "/v1/roster",
    "/v1/rounds",
    "/v1/plan",
    "/v1/ledger",
    "/healthz",
    "/readyz",
    "/metrics",
    "/",
    "/operators/",
  ])
    await ask(`${coordinatorUrl}${path}`);
  await ask(`${coordinatorUrl}/metrics`, { headers: { authorization: `Bearer ${metricsToken}` } });
  await ask(`${coordinatorUrl}/v1/join`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({ token: wrongToken, member: person }),
  });
  await ask(`${coordinatorUrl}/v1/nothing/${person}`, { headers: { "x-tributary-message": wrongToken } });
  mkdirSync(folder.file("backups"));
  await run(["coordinator", "backup", "--home", platform, "--out", folder.file("backups", "federation.tar"), "--json"]);
  await run(["coordinator", "doctor", "--home", platform, "--json"]);
  await run(["coordinator", "status", "--home", platform, "--json"]);
  await run(["coordinator", "invite", "--home", platform, "--list", "--json"]);
  await run(["ledger", "statement", `${platform}/ledger.jsonl`, "--html", folder.file("statement.html")]);
  write("a statement", readFileSync(folder.file("statement.html")));
  // a crash with whatever it has to say
  const coordinator = services.find(({ name }) => name === "coordinator");
  process.kill(coordinator?.running.pid ?? -1, "SIGABRT");
  await coordinator?.running.exit;
}

/** All that was written and all that left. */
function everything(): readonly Place[] {
  const { platform, parts } = federation;
  const homes = parts.flatMap(({ node }) =>
    filesBelow(federation.home(node), (name) => !name.startsWith("keys/")).map(({ name, bytes }) => ({
      name: `${node}'s ${name}`,
      bytes,
    })),
  );
  return [
    ...places,
    ...services.map(({ name, running }) => ({ name: `the log of ${name}`, bytes: Buffer.from(running.log()) })),
    ...filesBelow(platform, (name) => !name.startsWith("keys/")).map(({ name, bytes }) => ({
      name: `the coordinator's ${name}`,
      bytes,
    })),
    ...filesBelow(folder.file("backups")),
    ...homes,
    { name: "the wire between nodes and coordinator", bytes: Buffer.concat(liar.wire) },
  ];
}

/** What is said where it has to be: an invite to the coordinator that proved its key; and a path to whoever asked for it, when there is nothing. */
const isMeant = ({ canary, place }: { readonly canary: string; readonly place: string }) =>
  (canary.startsWith("the invite's token") && place.startsWith("the wire")) ||
  (canary === "a customer's id" && place.startsWith("answer to GET /v1/nothing/"));

test("nothing private is in what left, in logs, on disks, in metrics, in answers, on pages", (context) => {
  const all = everything();
  const sightings = scan(canaries, all).filter((one) => !isMeant(one));
  const size = all.reduce((sum, { bytes }) => sum + bytes.length, 0);
  finding(context, {
    what: `${canaries.length} canaries across a whole run: ids, SKUs, searches, passwords, tokens, invites, keys`,
    result:
      sightings.length === 0
        ? `none in ${all.length} places, ${(size / 1e6).toFixed(1)} MB`
        : sightings.map(({ canary, place, encoding }) => `${canary} in ${place} (${encoding})`).join("; "),
    held: sightings.length === 0,
  });
});

test("the run was one that could have leaked: it trained, served, was refused and failed in all these ways", () => {
  const all = everything();
  const wire = Buffer.concat(liar.wire);
  expect(wire.includes('"step":"unmaskShares"'), "a round was unmasked").toBe(true);
  expect(scan(canaries, [{ name: "wire", bytes: wire }]).length, "an invite is seen where it is meant to be").toBeGreaterThan(
    0,
  );
  const codes = new Set(all.flatMap(({ bytes }) => bytes.toString("latin1").match(/TRB_[A-Z_]+/g) ?? []));
  for (const code of ["TRB_EVENTS_SOURCE_UNREACHABLE", "TRB_SERVE_TOKEN_WRONG", "TRB_ACCESS_LOGIN_REFUSED"])
    expect([...codes].sort()).toContain(code);
  for (const name of ["answer to GET /metrics", "the log of coordinator", "federation.tar"]) {
    expect(
      all.filter((place) => place.name.includes(name)).map(({ bytes }) => bytes.length > 100),
      name,
    ).toContain(true);
  }
  // and the scanner sees one of them where it was put on purpose
  const planted = [
    ...all,
    { name: "a leak", bytes: Buffer.from(`{"level":30,"msg":"${Buffer.from(person).toString("base64url")}"}`) },
  ];
  expect(scan(canaries, planted).some(({ place }) => place === "a leak")).toBe(true);
});

/** The three servers that a browser or a stranger can reach, as processes: a coordinator with an operator, a node's page, and a node that serves. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { importEvents, joinFederation, trustPeers } from "@tributary/client";
import { accessAtHome, createInvite } from "@tributary/coordinator";
import { catalogueBytes, makeCatalogue, writeCatalogue } from "@tributary/events";
import { type Service, service } from "../../e2e/processes.ts";
import { type SmallFederation, smallFederation } from "../../e2e/small-federation.ts";

export const operatorPassword = "correct horse battery staple";

export interface Servers {
  readonly federation: SmallFederation;
  readonly home: string;
  readonly coordinator: string;
  readonly page: string;
  readonly serving: string;
  readonly servingToken: string;
  /** The link that opens the page, with its token. */
  readonly link: string;
  readonly processes: readonly Service[];
}

/** @param disguise changes a node's log before it is imported. @param title of every item of the catalogue */
export async function startServers(
  folder: string,
  { disguise = (log) => log, title }: { readonly disguise?: (log: string) => string; readonly title?: string } = {},
): Promise<Servers> {
  const federation = await smallFederation(folder, { merchants: 3, rounds: 1, customers: 60, items: 30 });
  if (title !== undefined) await entitle(federation, title);
  const { platform, planFile, catalogueFile, parts } = federation;
  const running = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile, "--port", "0"],
  ]);
  const coordinator = String(running.ready["url"]);
  await accessAtHome(platform).addOperator({ name: "night-shift", role: "operator", password: operatorPassword });
  const node = parts[0]?.node ?? "";
  const home = federation.home(node);
  const { invite } = await createInvite({ home: platform }, { node, url: coordinator, hours: 1 });
  const { fingerprint } = await joinFederation({ invite, home });
  await trustPeers({ home, fingerprints: [fingerprint] });
  const log = `${folder}/logs/${node}.csv`;
  writeFileSync(log, disguise(readFileSync(log, "utf8")));
  await importEvents({ home, files: [log], columns: { customer: "customer", item: "item", action: "action", time: "time" } });
  const [page, serving] = await Promise.all([
    service(["node", "page", "--home", home, "--port", "0"]),
    service(["node", "serve", "--home", home, "--port", "0"]),
  ]);
  const link = String(page.ready["link"]);
  return {
    ...{ federation, home, coordinator, link, page: new URL(link).origin, serving: String(serving.ready["url"]) },
    servingToken: readFileSync(String(serving.ready["tokenFile"]), "utf8").trim(),
    processes: [running, page, serving],
  };
}

/** Another catalogue, of the same items, and the plan that names it. */
async function entitle({ catalogue, plan, planFile, catalogueFile }: SmallFederation, title: string): Promise<void> {
  const named = makeCatalogue(catalogue.items.map((item) => ({ ...item, title, brand: title, category: title })));
  await writeCatalogue(catalogueFile, named);
  const catalogueHash = createHash("sha256").update(catalogueBytes(named)).digest("hex");
  writeFileSync(planFile, JSON.stringify({ ...plan, catalogueHash }));
}

export interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

/** A request byte by byte: no client of ours tidies its path first. */
export function raw(origin: string, request: string): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.end(request));
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("close", () => resolve({ status: Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(text)?.[1] ?? 0), text }));
  });
}

/** A GET of exactly this path. */
export const rawGet = (origin: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
  raw(
    origin,
    [
      `GET ${path} HTTP/1.1`,
      `host: ${new URL(origin).host}`,
      "connection: close",
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      "",
      "",
    ].join("\r\n"),
  );

/** The cookie of a session of the operator's. */
export async function operatorCookie(coordinator: string): Promise<string> {
  const answer = await logIn(coordinator, operatorPassword);
  if (answer.status !== 200) throw new Error(`no login: ${answer.status} ${await answer.text()}`);
  return (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
}

export const logIn = (coordinator: string, password: string, name = "night-shift") =>
  fetch(`${coordinator}/v1/operators/login`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: coordinator },
    body: JSON.stringify({ name, password }),
  });

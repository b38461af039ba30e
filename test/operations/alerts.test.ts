/**
 * docs/operations/alerts.yaml: every rule is PromQL, asks for nothing but what a coordinator's /metrics really has, fires where it should and not just
 * before, and leads to a page that says what to do.
 */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCoordinator } from "@tributary/coordinator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { catalogue, testPlan } from "../../coordinator/src/scripted-node.test-support.ts";
import { testAuthority, testCertificate } from "../tls/certificate.ts";
import { askedFor, evaluate, type Labels, parsePromql, type Series } from "./promql.ts";

const file = new URL("../../docs/operations/alerts.yaml", import.meta.url);
const runbook = new URL("../../docs/operate.md", import.meta.url);
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}
const { groups } = parse(readFileSync(file, "utf8")) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const expressionOf = (alert: string) => rules.find((one) => one.alert === alert)?.expr ?? "";

const folder = mkdtempSync(join(tmpdir(), "tributary-alerts-"));
/** Labels of each series that was scraped, by its name. */
const exposed = new Map<string, Set<string>>();
/** Of all metrics of ours, those included that have no series yet. */
const named = new Set<string>();

/** Over TLS, with nothing but a certificate and a folder that is gone: the rest is there from the start. */
beforeAll(async () => {
  const authority = testAuthority();
  const [home, tls] = [join(folder, "home"), { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") }];
  const { cert, key } = testCertificate(authority);
  writeFileSync(tls.cert, cert);
  writeFileSync(tls.key, key);
  const plan = testPlan(home);
  const server = await startCoordinator({ home, plan, catalogue, port: 0, tls, logLevel: "silent" });
  const get = (path: string) =>
    new Promise<string>((resolve, reject) => {
      request(`${server.url}${path}`, { ca: authority.cert }, async (answer) => resolve((await answer.toArray()).join("")))
        .on("error", reject)
        .end();
    });
  const blobs = join(home, "blobs");
  renameSync(blobs, `${blobs}.away`);
  expect(await get("/readyz")).toContain('"failed"');
  renameSync(`${blobs}.away`, blobs);
  const scraped = await get("/metrics");
  for (const [, name = ""] of scraped.matchAll(/^# TYPE (tributary_[a-z_]+) /gm)) named.add(name);
  for (const [, name = "", labels = ""] of scraped.matchAll(/^([a-z_]+)\{(.*)\} \S+$/gm)) {
    const known = exposed.get(name) ?? new Set();
    for (const [, label = ""] of labels.matchAll(/([a-z_]+)="/g)) known.add(label);
    exposed.set(name, known);
  }
  await server.close();
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(rules)("$alert", ({ alert, expr, annotations }) => {
  test("asks in PromQL for what there is", () => {
    expect(() => parsePromql(expr)).not.toThrow();
    const asked = askedFor(expr);
    expect(asked.length).toBeGreaterThan(0);
    for (const { name, labels } of asked) {
      expect([...exposed.keys()], name).toContain(name);
      for (const label of labels) expect([...(exposed.get(name) ?? [])], `${name}'s ${label}`).toContain(label);
    }
  });

  test("says what is the matter with labels that it has, and where to read on", () => {
    for (const [, label = ""] of annotations.summary.matchAll(/\$labels\.([a-z_]+)/g)) {
      const groupings = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, names = ""]) => names.split(", "));
      const kept = groupings.length > 0 ? groupings : [...(exposed.get(askedFor(expr)[0]?.name ?? "") ?? [])];
      expect(kept).toContain(label);
    }
    expect(annotations.runbook_url).toBe(`docs/operate.md#alert-${alert.toLowerCase()}`);
    expect(existsSync(runbook)).toBe(true);
    expect(readFileSync(runbook, "utf8").split("\n")).toContain(`## Alert: ${alert}`);
  });
});

/** 2026-06-01T00:00:00Z. */
const now = 1_780_272_000;
const hour = 3600;
const shop = { federation: "shop" };
const at = (name: string, value: number, labels: Labels = {}, when = now): Series => ({
  ...{ name: `tributary_${name}`, labels: { ...shop, ...labels }, samples: [[when, value]] },
});
/** A counter that grew evenly over the last so many seconds. */
const grown = (name: string, by: number, seconds: number, labels: Labels = {}): Series => ({
  name: `tributary_${name}`,
  labels: { ...shop, ...labels },
  samples: [0, 0.5, 1].map((part) => [now - seconds + part * seconds, 100 + part * by] as const),
});
const replicas = (make: (labels: Labels) => readonly Series[]): Series[] =>
  ["a:7443", "b:7443"].flatMap((instance) => make({ instance }));

/** For each alert, what makes it fire and what comes closest to that without. */
const cases: Record<string, { readonly fires: readonly Series[][]; readonly quiet: readonly Series[][] }> = {
  TributaryFederationStuck: {
    fires: [
      replicas((by) => [
        at("last_release_timestamp_seconds", now - 7 * hour, by),
        at("phase", 1, { ...by, phase: "keys" }),
        at("phase", 0, { ...by, phase: "paused" }),
      ]),
    ],
    quiet: [
      [at("last_release_timestamp_seconds", now - 6 * hour), at("phase", 0, { phase: "paused" })],
      [at("last_release_timestamp_seconds", now - 7 * hour), at("phase", 1, { phase: "paused" })],
      [at("last_release_timestamp_seconds", now - 7 * hour), at("phase", 1, { phase: "finished" })],
      [at("last_release_timestamp_seconds", 0), at("phase", 1, { phase: "joining" })], // it hasn't begun
    ],
  },
  TributaryOffersRefused: {
    fires: [replicas((by) => [at("phase", 1, { ...by, phase: "refused" }), at("phase", 0, { ...by, phase: "keys" })])],
    quiet: [[at("phase", 0, { phase: "refused" }), at("phase", 1, { phase: "keys" })]],
  },
  TributaryNoLeader: {
    fires: [
      replicas((by) => [at("leader", 0, by), at("lease_age_seconds", 3, by)]),
      [at("leader", 1, { instance: "a" }), at("leader", 0, { instance: "b" }), at("lease_age_seconds", 16)],
    ],
    quiet: [[at("leader", 1, { instance: "a" }), at("leader", 0, { instance: "b" }), at("lease_age_seconds", 15)]],
  },
  TributaryTooFewNodes: {
    fires: [
      replicas((by) => [
        at("nodes", 5, { ...by, state: "connected" }),
        at("nodes", 6, { ...by, state: "required" }),
        at("phase", 1, { ...by, phase: "waiting" }),
      ]),
    ],
    quiet: [
      [at("nodes", 6, { state: "connected" }), at("nodes", 6, { state: "required" })],
      [at("nodes", 5, { state: "connected" }), at("nodes", 6, { state: "required" }), at("phase", 1, { phase: "joining" })],
      [at("nodes", 0, { state: "connected" }), at("nodes", 6, { state: "required" }), at("phase", 1, { phase: "finished" })],
    ],
  },
  TributaryEpsilonNearLimit: {
    fires: [replicas((by) => [at("epsilon_spent", 3.7, by), at("epsilon_limit", 4, by)])],
    quiet: [[at("epsilon_spent", 3.6, {}), at("epsilon_limit", 4)]],
  },
  TributaryDropoutsHigh: {
    fires: [
      [
        grown("dropouts_total", 21, 3000, { phase: "masked" }),
        grown("dropouts_total", 2, 3000, { phase: "keys" }),
        at("nodes", 40, { state: "connected" }),
        grown("round_seconds_count", 5, 3000),
      ],
    ],
    quiet: [
      [
        grown("dropouts_total", 20, 3000, { phase: "masked" }),
        at("nodes", 40, { state: "connected" }),
        grown("round_seconds_count", 5, 3000),
      ],
      [
        grown("dropouts_total", 25, 3000, { phase: "masked" }), // of a thousand in five rounds
        at("nodes", 1000, { state: "connected" }),
        grown("round_seconds_count", 5, 3000),
      ],
      [
        grown("dropouts_total", 25, 2 * hour, { phase: "masked" }), // half of them longer ago
        at("nodes", 10, { state: "connected" }),
        grown("round_seconds_count", 5, 3000),
      ],
    ],
  },
  TributaryRoundsFailing: {
    fires: [
      [
        grown("rounds_total", 2, 3000, { outcome: "aborted", code: "TRB_ROUND_COHORT_TOO_SMALL" }),
        grown("rounds_total", 1, 3000, { outcome: "aborted", code: "TRB_SECAGG_TOO_FEW_SHARES" }),
        grown("rounds_total", 2, 3000, { outcome: "released", code: "" }),
      ],
    ],
    quiet: [
      [
        grown("rounds_total", 2, 3000, { outcome: "aborted", code: "" }),
        grown("rounds_total", 0, 3000, { outcome: "released" }),
      ],
      [
        grown("rounds_total", 3, 3000, { outcome: "aborted", code: "" }),
        grown("rounds_total", 3, 3000, { outcome: "released" }),
      ],
    ],
  },
  TributaryDatabaseErrors: {
    fires: [
      [at("database_reachable", 1, { instance: "a" }), at("database_reachable", 0, { instance: "b" })],
      [at("database_reachable", 1), grown("store_errors_total", 11, 240, { store: "database", code: "other" })],
    ],
    quiet: [
      [
        at("database_reachable", 1),
        grown("store_errors_total", 10, 240, { store: "database", code: "other" }),
        grown("store_errors_total", 99, 240, { store: "blobs", code: "other" }),
      ],
    ],
  },
  TributaryBlobErrors: {
    fires: [[grown("store_errors_total", 6, 500, { store: "blobs", code: "TRB_COORDINATOR_BLOBS_FULL" })]],
    quiet: [
      [
        grown("store_errors_total", 5, 500, { store: "blobs", code: "TRB_COORDINATOR_BLOBS_FULL" }),
        grown("store_errors_total", 99, 500, { store: "database", code: "other" }),
      ],
    ],
  },
  TributaryDiskNearlyFull: {
    fires: [
      [
        ...[at("disk_free_bytes", 9, { place: "home" }), at("disk_size_bytes", 100, { place: "home" })],
        ...[at("disk_free_bytes", 50, { place: "blobs" }), at("disk_size_bytes", 100, { place: "blobs" })],
      ],
    ],
    quiet: [[at("disk_free_bytes", 10, { place: "home" }), at("disk_size_bytes", 100, { place: "home" })]],
  },
  TributaryCertificateExpiring: {
    fires: [
      [at("certificate_expiry_timestamp_seconds", now + 14 * 86_400 - 1)],
      [at("certificate_expiry_timestamp_seconds", 0)],
    ],
    quiet: [[at("certificate_expiry_timestamp_seconds", now + 14 * 86_400)], []],
  },
  TributaryEventLoopDelayed: {
    fires: [[at("event_loop_delay_seconds", 1.1, {}, now - 200)]],
    quiet: [[at("event_loop_delay_seconds", 1)], [at("event_loop_delay_seconds", 9, {}, now - 400)]],
  },
  TributaryJobsWaiting: {
    fires: [replicas((by) => [at("oldest_job_seconds", 121, by)])],
    quiet: [[at("oldest_job_seconds", 120)], [at("oldest_job_seconds", 900, {}, now - 900)]],
  },
};

test("each rule has what Prometheus and whoever is woken needs, and nothing else", () => {
  for (const { name, rules: of } of groups) expect([name, of.length > 0]).toEqual(["tributary-coordinator", true]);
  for (const { for: held = "0s", ...one } of rules) {
    expect(Object.keys(one).sort()).toEqual(["alert", "annotations", "expr", "labels"]);
    expect(one.alert).toMatch(/^Tributary[A-Za-z]+$/);
    expect(held).toMatch(/^[0-9]+[smh]$/);
    expect(Object.keys(one.labels)).toEqual(["severity"]);
    expect(["info", "warning", "critical"]).toContain(one.labels.severity);
    expect(Object.keys(one.annotations).sort()).toEqual(["runbook_url", "summary"]);
  }
});

test("docs/observing.md has every metric, and no other", () => {
  const page = readFileSync(new URL("../../docs/observing.md", import.meta.url), "utf8");
  const documented = [...page.matchAll(/^\| `(tributary_[a-z_]+)` \|/gm)].map(([, name = ""]) => name);
  expect(documented.sort()).toEqual([...named].sort());
});

test("every alert is tried", () => {
  expect(Object.keys(cases).sort()).toEqual(rules.map(({ alert }) => alert).sort());
});

test.each(Object.entries(cases))("%s fires, and not just before", (alert, { fires, quiet }) => {
  expect(Math.min(fires.length, quiet.length)).toBeGreaterThan(0);
  for (const series of fires) {
    const firing = evaluate(expressionOf(alert), series, now);
    expect(firing.map(({ labels }) => labels["federation"])).toEqual(["shop"]);
  }
  for (const series of quiet) expect(evaluate(expressionOf(alert), series, now)).toEqual([]);
});

test("a federation that is well doesn't keep another one's alert from firing", () => {
  const of = (federation: string, series: readonly Series[]) =>
    series.map((one) => ({ ...one, labels: { ...one.labels, federation } }));
  for (const [alert, { fires, quiet }] of Object.entries(cases)) {
    for (const one of quiet) {
      const firing = evaluate(expressionOf(alert), [...of("ill", fires[0] ?? []), ...of("well", one)], now);
      const where = firing.map(({ labels }) => labels["federation"]);
      expect(where, alert).toEqual(["ill"]);
    }
  }
});

test("what isn't PromQL, or isn't what was evaluated so far, is refused", () => {
  expect(() => parsePromql("sum by (federation (up)")).toThrow("not PromQL");
  expect(() => evaluate("rate(up[5m])", [], now)).toThrow("no rule has needed");
  expect(() => evaluate("up > bool 1", [], now)).toThrow();
});

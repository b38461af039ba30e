/** What the page's routes answer, held to the words that the page is written against. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeState } from "@tributary/federation";
import {
  explainPlan,
  pageAdverts,
  pageBudget,
  pageCustomer,
  pageCustomers,
  pageExplanation,
  pageExplorer,
  pageLeaving,
  pageOverview,
  pagePolicy,
  pagePreview,
  pageQuality,
  pageValue,
} from "@tributary/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { z } from "zod";
import { spendingOf } from "../budget.ts";
import { openDatabase } from "../home/database.ts";
import { layoutOf } from "../home/layout.ts";
import { lockHome } from "../home/lock.ts";
import { withHome } from "../home/open.ts";
import { openOutgoing } from "../home/outgoing.ts";
import { readPolicy } from "../home/policy.ts";
import { importEvents } from "../import.ts";
import { joinedHome } from "../joined-home.test-support.ts";
import { openAdmission } from "../running/admission.ts";
import { type Answer, codeOf, type OpenedPage, openPage } from "./page.test-support.ts";

const joined = joinedHome();
let opened: OpenedPage;
beforeEach(async () => {
  opened = await openPage(joined.folder, joined.home);
});
afterEach(() => opened.page.close());

/** An answer as its words have it; whatever else is in it, or missing, fails. */
async function told<Schema extends z.ZodType>(schema: Schema, path: string, body?: unknown): Promise<z.output<Schema>> {
  const answer = await opened.ask(path, body === undefined ? {} : { body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return schema.parse(answer.body);
}

const secret = "somebody-private";

/** Customers who walk through the items, and buy now and then. */
async function importLog(customers: number): Promise<void> {
  const rows = Array.from({ length: customers }, (_, c) =>
    Array.from({ length: 4 + (c % 9) }, (__, n) => {
      const item = `item-${String((c + 2 * n) % 24).padStart(2, "0")}`;
      return `${secret}-${c},${item},${n % 3 === 2 ? "buy" : "view"},${1_700_000_000 + 86_400 * n + 60 * c}`;
    }).join("\n"),
  );
  const file = join(joined.folder, "log.csv");
  writeFileSync(file, `customer,item,action,time\n${rows.join("\n")}\n`);
  const columns = { customer: "customer", item: "item", action: "action", time: "time" };
  await importEvents({ home: joined.home, files: [file], columns });
}

const until = async <T>(ask: () => Promise<T>, enough: (answer: T) => boolean): Promise<T> => {
  for (let tries = 0; tries < 600; tries++) {
    const answer = await ask();
    if (enough(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it never came");
};

describe("a home", () => {
  test("that has joined nothing is told so, by every view", async () => {
    const bare = await openPage(joined.folder, join(joined.folder, "bare"));
    try {
      const overview = pageOverview.parse((await bare.ask("/api/overview")).body);
      expect([overview.member, overview.problem?.code]).toEqual([null, "TRB_NODE_NOT_JOINED"]);
      for (const path of ["/api/budget", "/api/policy", "/api/leaving", "/api/quality", "/api/value"])
        expect(codeOf(await bare.ask(path))[1]).toBe("TRB_NODE_NOT_JOINED");
      const explorer = await until(
        async () => pageExplorer.parse((await bare.ask("/api/explorer")).body),
        ({ state }) => state !== "preparing",
      );
      expect(explorer).toMatchObject({ state: "failed", problem: { code: "TRB_NODE_NOT_JOINED" } });
    } finally {
      await bare.page.close();
    }
  });

  test("without data says what is missing, and everything else", async () => {
    const overview = await told(pageOverview, "/api/overview");
    expect(overview).toMatchObject({ problem: null, running: false, round: null, model: null, store: { state: "none" } });
    expect(overview.member).toMatchObject({ federation: "test", node: "alpha" });
    expect(codeOf(await opened.ask("/api/quality"))[1]).toBe("TRB_NODE_NO_HISTORIES");
    const explorer = await until(
      () => told(pageExplorer, "/api/explorer"),
      ({ state }) => state !== "preparing",
    );
    expect(explorer).toMatchObject({ state: "none", problem: { code: "TRB_NODE_NO_HISTORIES" } });
    expect(codeOf(await opened.ask("/api/explorer/customers", { body: {} }))[1]).toBe("TRB_NODE_NO_HISTORIES");
    expect(await told(pageValue, "/api/value")).toMatchObject({ state: "none", report: null });
    expect(await told(pageBudget, "/api/budget")).toMatchObject({ spent: 0, limit: 8, course: [{ round: 0, epsilon: 0 }] });
  });

  test("whose coordinator is gone says so, with the code, and goes on", async () => {
    expect(
      (
        await until(
          () => told(pageOverview, "/api/overview"),
          ({ coordinator }) => coordinator.state !== "asking",
        )
      ).coordinator,
    ).toMatchObject({
      ...{ state: "reachable", behind: 0, problem: null },
    });
    await joined.coordinator.close();
    const other = await openPage(joined.folder, joined.home);
    try {
      const gone = await until(
        async () => pageOverview.parse((await other.ask("/api/overview")).body).coordinator,
        ({ state }) => state !== "asking",
      );
      expect(gone).toMatchObject({ state: "unreachable", problem: { code: "TRB_NODE_COORDINATOR_UNREACHABLE" } });
    } finally {
      await other.page.close();
    }
  });

  test("whose store opens with another key says which of its codes it is", async () => {
    await importLog(30);
    expect(await told(pageOverview, "/api/overview")).toMatchObject({ store: { state: "some", problem: null } });
    writeFileSync(layoutOf(joined.home).storeKey, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
    expect(await told(pageOverview, "/api/overview")).toMatchObject({
      store: { state: "unreadable", problem: { code: "TRB_NODE_STORE_KEY_WRONG" } },
    });
    expect(codeOf(await opened.ask("/api/quality"))[1]).toBe("TRB_NODE_STORE_KEY_WRONG");
  });

  test("that a node runs on is told by its lock, which nobody has to wait for", async () => {
    const lock = lockHome(layoutOf(joined.home));
    expect(await told(pageOverview, "/api/overview")).toMatchObject({ running: true });
    lock.release();
    expect(await told(pageOverview, "/api/overview")).toMatchObject({ running: false });
  });
});

describe("spending and leaving", () => {
  test("ε goes up charge by charge, as the accountant has it, and refunds are no part of it", async () => {
    const layout = layoutOf(joined.home);
    const database = openDatabase(layout);
    const charge = { release: 0, standing: "open", h1: "0".repeat(64), cohort: [], chargedAt: "2026-11-30T10:00:00.000Z" };
    for (const round of [1, 2, 3]) database.charge({ ...charge, round } as unknown as Parameters<typeof database.charge>[0]);
    database.settle(1, "final", "2026-11-30T10:05:00.000Z");
    database.settle(2, "refunded", "2026-11-30T10:06:00.000Z");
    database.close();
    const budget = await told(pageBudget, "/api/budget");
    expect(budget.byKind).toMatchObject([{ kind: "training", charged: 2, open: 1, refunded: 1 }]);
    expect(budget.course.map(({ round }) => round)).toEqual([0, 1, 3]);
    const [none = 0, one = 0, both = 0] = budget.course.map(({ epsilon }) => epsilon);
    expect([none < one, one < both, both]).toEqual([true, true, budget.spent]);
  });

  test("what has left is listed by size and hash, the latest first, with the plan's own uploads beside it", async () => {
    const outgoing = openOutgoing(layoutOf(joined.home));
    outgoing.note({ kind: "hello", round: null, content: "{}" });
    outgoing.note({ kind: "vector", round: 1, content: new Uint8Array(12) });
    const leaving = await told(pageLeaving, "/api/leaving");
    expect(leaving.messages.map(({ kind, bytes }) => [kind, bytes])).toEqual([
      ["vector", 12],
      ["hello", 2],
    ]);
    const { plan } = joined.coordinator;
    expect(leaving.uploads).toMatchObject([
      { kind: "training", rounds: 2, bits: 32, bytes: 4 * (plan.releases[0]?.dimension ?? 0) },
    ]);
    expect(leaving.paragraph.zh).toMatch(/[\u4e00-\u9fff]/);
    expect(leaving.plan).toEqual({ en: explainPlan(plan), zh: explainPlan(plan, "zh") });
  });
});

describe("the policy's form", () => {
  const fieldsOf = async () => {
    const form = await told(pagePolicy, "/api/policy");
    if (form.policy === null) throw new Error("there is no policy");
    return { stamp: form.stamp, policy: { version: 1, ...form.policy } };
  };

  test("a preview saves nothing, and says the field that is none", async () => {
    const { policy } = await fieldsOf();
    const before = readFileSync(layoutOf(joined.home).policy, "utf8");
    for (const [change, path] of [
      [{ maxEpsilon: -1 }, "maxEpsilon"],
      [{ delta: 2 }, "delta"],
      [{ serve: { mode: "inHouse", minSupport: 0 } }, "serve.minSupport"],
      [{ trainingHours: { from: "22:00", to: "22:00", timeZone: "Europe/Berlin" } }, "trainingHours"],
      [{ trainingHours: { from: "22:00", to: "06:00", timeZone: "Mars/Olympus" } }, "trainingHours.timeZone"],
      [{ permittedReleases: ["training", "everything"] }, "permittedReleases.1"],
      [{ maxEpsilom: 3 }, "maxEpsilom"],
    ] as const) {
      const preview = await told(pagePreview, "/api/policy/preview", { policy: { ...policy, ...change } });
      expect(preview.fault).toMatchObject({ path, problem: { code: "TRB_NODE_POLICY_INVALID" } });
    }
    expect(readFileSync(layoutOf(joined.home).policy, "utf8")).toBe(before);
  });

  test("a limit, a pause, a kind or too few trusted peers refuse the next offer by the code that the node would", async () => {
    const { policy } = await fieldsOf();
    const trusting = { ...policy, trustedPeers: ["a".repeat(64), "b".repeat(64)] };
    const free = await told(pagePreview, "/api/policy/preview", { policy: trusting });
    expect(free).toMatchObject({ fault: null, refusals: [], declined: null, planned: { fits: true } });
    expect(free.kinds).toMatchObject([{ kind: "training", accepted: true, refusal: null, planned: 2, affordable: 2 }]);
    for (const [change, code] of [
      [{ trustedPeers: [] }, "TRB_ROUND_TOO_FEW_TRUSTED"],
      [{ maxEpsilon: 0.01 }, "TRB_POLICY_PLAN_ABOVE_LIMIT"],
      [{ delta: 1e-12 }, "TRB_POLICY_DELTA_TOO_LARGE"],
      [{ minCohort: 50 }, "TRB_POLICY_COHORT_TOO_SMALL"],
      [{ permittedReleases: ["metrics"] }, "TRB_POLICY_RELEASE_FORBIDDEN"],
      [{ permittedFamilies: ["gru"] }, "TRB_POLICY_FAMILY_FORBIDDEN"],
      [{ paused: { reason: "stocktaking", until: null } }, "TRB_POLICY_PAUSED"],
    ] as const) {
      const preview = await told(pagePreview, "/api/policy/preview", { policy: { ...trusting, ...change } });
      expect(preview.kinds[0], code).toMatchObject({ accepted: false, refusal: { code } });
    }
  });

  test("a preview accepts and refuses what the running node's admission does, policy by policy", async () => {
    const { policy } = await fieldsOf();
    const trusting = { ...policy, trustedPeers: ["a".repeat(64), "b".repeat(64)] };
    const one = (await told(pagePreview, "/api/policy/preview", { policy: trusting })).kinds[0]?.epsilonAfter ?? 0;
    const period = { periodDays: 30, file: null };
    const now = new Date();
    const hour = (shift: number) => new Date(now.getTime() + shift * 3_600_000).toISOString().slice(11, 16);
    const changes = [
      ...[{}, { trustedPeers: [] }, { maxEpsilon: 0.01 }, { maxEpsilon: one }, { delta: 1e-12 }, { minCohort: 4 }],
      ...[
        { maxEpsilon: 1.0001 * one, budget: period },
        { maxEpsilon: 0.9999 * one, budget: period },
      ],
      ...[{ permittedReleases: [] }, { permittedFamilies: null }, { permittedFamilies: ["lstm"] }],
      ...[{ paused: { reason: null, until: null } }, { paused: { reason: null, until: "2020-01-01T00:00:00Z" } }],
      ...[
        [-2, 2],
        [2, 4],
      ].map(([from = 0, to = 0]) => ({ trainingHours: { from: hour(from), to: hour(to), timeZone: "UTC" } })),
    ];
    const answers: boolean[] = [];
    for (const change of changes) {
      const next = { ...trusting, ...change };
      const preview = await told(pagePreview, "/api/policy/preview", { policy: next });
      const answered = await withHome(joined.home, (home) => {
        writeFileSync(home.layout.policy, JSON.stringify(trusting));
        const admission = openAdmission(home, readPolicy(home.layout)); // a node that runs under another one
        try {
          writeFileSync(home.layout.policy, JSON.stringify(next));
          return admission.wouldAnswer({ ...spendingOf(home), lastRound: 0 } as NodeState, 0, now);
        } finally {
          admission.close();
        }
      });
      expect([JSON.stringify(change), preview.kinds[0]?.accepted]).toEqual([JSON.stringify(change), answered]);
      answers.push(answered);
    }
    expect([answers.includes(true), answers.includes(false)]).toEqual([true, true]);
  });

  test("under a period a small limit leaves some of the rounds, and none fits once it is spent", async () => {
    const { policy } = await fieldsOf();
    const trusting = { ...policy, trustedPeers: ["a".repeat(64), "b".repeat(64)] };
    const whole = await told(pagePreview, "/api/policy/preview", { policy: trusting });
    const one = whole.kinds[0]?.epsilonAfter ?? 0;
    const budget = { periodDays: 30, file: null };
    const some = await told(pagePreview, "/api/policy/preview", { policy: { ...trusting, maxEpsilon: 1.0001 * one, budget } });
    expect(some.kinds).toMatchObject([{ accepted: true, planned: 2, affordable: 1 }]);
    expect(some.planned).toMatchObject({ fits: false, epsilon: whole.planned.epsilon });
    const none = await told(pagePreview, "/api/policy/preview", { policy: { ...trusting, maxEpsilon: 0.9999 * one, budget } });
    expect(none.kinds).toMatchObject([{ accepted: false, affordable: 0 }]);
  });

  test("it is saved once it is asked for, whole, and not over what somebody else has written meanwhile", async () => {
    const { policy, stamp } = await fieldsOf();
    const next = { ...policy, maxEpsilon: 3.5, retentionDays: 90 };
    const saved = pagePolicy.parse((await opened.ask("/api/policy", { body: { policy: next, stamp } })).body);
    expect(saved.policy).toMatchObject({ maxEpsilon: 3.5, retentionDays: 90 });
    expect(JSON.parse(readFileSync(layoutOf(joined.home).policy, "utf8"))).toEqual(next);
    expect(codeOf(await opened.ask("/api/policy", { body: { policy: next, stamp } }))).toEqual([
      409,
      "TRB_PAGE_POLICY_CHANGED",
    ]);
    const wrong = { policy: { ...next, minCohort: 1 }, stamp: saved.stamp };
    expect(codeOf(await opened.ask("/api/policy", { body: wrong }))[1]).toBe("TRB_NODE_POLICY_INVALID");
    expect(JSON.parse(readFileSync(layoutOf(joined.home).policy, "utf8"))).toEqual(next);
  });

  test("a file that is no policy is told, and a good one takes its place", async () => {
    const { policy } = await fieldsOf();
    writeFileSync(layoutOf(joined.home).policy, '{"maxEpsilon": "lots"}');
    const broken = await told(pagePolicy, "/api/policy");
    expect(broken).toMatchObject({ policy: null, problem: { code: "TRB_NODE_POLICY_INVALID" } });
    const saved = await opened.ask("/api/policy", { body: { policy, stamp: broken.stamp } });
    expect(pagePolicy.parse(saved.body).problem).toBeNull();
  });
});

test("customers are found by pseudonym or by the shop's own id, and every question about one is answered; no id is logged", {
  timeout: 120_000,
}, async () => {
  await importLog(60);
  const explorer = await until(
    () => told(pageExplorer, "/api/explorer"),
    ({ state }) => state !== "preparing" && state !== "none",
  );
  expect(explorer).toMatchObject({ state: "ready", problem: null, customers: 60, model: { source: "none" } });
  const all = await told(pageCustomers, "/api/explorer/customers", { order: "events", limit: 5 });
  expect([all.found, all.customers.length, all.byShopId]).toEqual([60, 5, false]);
  const counts = all.customers.map(({ events }) => events);
  expect(counts).toEqual([...counts].sort((a, b) => b - a));
  const byShop = await told(pageCustomers, "/api/explorer/customers", { search: ` ${secret}-17 ` });
  expect([byShop.found, byShop.byShopId]).toEqual([1, true]);
  const [{ customer = "" } = {}] = byShop.customers;
  expect(customer).toMatch(/^[0-9a-f]{32}$/);
  expect(
    (await told(pageCustomers, "/api/explorer/customers", { search: customer.slice(0, 12).toUpperCase() })).customers[0]
      ?.customer,
  ).toBe(customer);
  expect((await told(pageCustomers, "/api/explorer/customers", { search: "nobody" })).found).toBe(0);

  const one = await told(pageCustomer, "/api/explorer/customer", { customer, events: 6 });
  expect(one.timeline).toHaveLength(6);
  expect(one.timeline.map(({ time }) => time)).toEqual([...one.timeline.map(({ time }) => time)].sort((a, b) => a - b));
  for (const { before } of one.timeline) {
    expect(before?.rank).toBeGreaterThanOrEqual(1);
    expect(before?.shown).toHaveLength(5);
  }
  expect(one.next.items).toHaveLength(10);
  expect(one.next.actions.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
  const [{ item = "" } = {}] = one.next.items;
  const why = await told(pageExplanation, "/api/explorer/explain", { customer, item });
  expect(why).toMatchObject({ item, rank: 1 });
  expect(why.events).toHaveLength(one.events);
  const candidates = one.next.items.slice(0, 3).map((each, place) => ({ item: each.item, bid: 1 + place }));
  const adverts = await told(pageAdverts, "/api/explorer/adverts", { customer, candidates });
  for (const { bid, probability, expectedValue } of adverts.ranked) expect(expectedValue).toBeCloseTo(bid * probability, 12);

  const quality = await told(pageQuality, "/api/quality");
  expect(quality.quality).toMatchObject({ customers: 60, items: 24 });
  const refused: Answer[] = [
    await opened.ask("/api/explorer/customer", { body: { customer: `${secret}-17` } }),
    await opened.ask("/api/explorer/explain", { body: { customer, item: `${secret}-thing` } }),
  ];
  expect(refused.map((answer) => codeOf(answer)[1])).toEqual(["TRB_SERVE_CUSTOMER_UNKNOWN", "TRB_SERVE_ITEM_UNKNOWN"]);
  for (const text of [...opened.logged, ...refused.map(({ body }) => JSON.stringify(body))]) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(customer);
  }
});

test("a value report is made at the press of a button, once at a time, and its failure is told", {
  timeout: 60_000,
}, async () => {
  const began = await opened.ask("/api/value", { method: "POST" });
  expect(pageValue.parse(began.body)).toMatchObject({ state: "making" });
  expect(codeOf(await opened.ask("/api/value", { method: "POST" }))).toEqual([409, "TRB_PAGE_BUSY"]);
  const ended = await until(
    () => told(pageValue, "/api/value"),
    ({ state }) => state !== "making",
  );
  expect(ended).toMatchObject({ state: "failed", problem: { code: "TRB_VALUE_NO_MODEL" } });
});

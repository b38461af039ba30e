/** What fires now, next to the rules that Prometheus evaluates; the runbook's words; and findings said again in Chinese. */
import { readFileSync } from "node:fs";
import { beforeAll, expect, test, vi } from "vitest";
import type { Finding } from "../api.ts";
import { nextStep } from "../next-step.ts";
import { alertsNow, needHistory, ruleNames } from "./rules.ts";
import { runbook } from "./runbook.ts";

const text = (path: string) => readFileSync(new URL(`../../../../../${path}`, import.meta.url), "utf8");
const now = Date.parse("2026-11-30T12:00:00Z");
const round = (number: number, hoursAgo: number, released: boolean | null) => ({
  ...{ round: number, startedAt: new Date(now - hoursAgo * 3_600_000).toISOString(), seconds: 2, bytesIn: 1, bytesOut: 1 },
  ...{ nodes: 4, released, modelHash: null, epsilon: 1, code: released === false ? "TRB_ROUND_COHORT_TOO_SMALL" : null },
});
const well = {
  ...{ phase: "masked", refused: null, connected: ["a", "b", "c"], minCohort: 3, epsilon: 1, epsilonLimit: 8 },
  ...{ history: [round(1, 0.1, true)], finished: false },
};
const finding = (name: string, state: Finding["state"]): Finding => ({ name, state, found: "", advice: null });
const fires = (standing: Partial<typeof well> & { refused?: object | null }, findings: readonly Finding[] = []) =>
  alertsNow({ ...well, ...standing } as Parameters<typeof alertsNow>[0], findings, now).map(({ rule }) => rule);

/** The page asks a browser which language is chosen; here there is none. */
let words: typeof import("./findings.ts");
beforeAll(async () => {
  vi.stubGlobal("location", { search: "?lang=zh", hash: "" });
  vi.stubGlobal("document", { documentElement: {} });
  vi.stubGlobal("navigator", { language: "en" });
  words = await import("./findings.ts");
});

test("the rules are those of alerts.yaml, in its order, and all but those over a history can fire", () => {
  const severities = [...text("docs/operations/alerts.yaml").matchAll(/- alert: Tributary(\w+)[\s\S]*?severity: (\w+)/g)];
  expect(severities.map(([, name]) => name)).toEqual([...ruleNames]);
  const standings = [
    ...[{ history: [round(1, 7, true)] }, { refused: { offers: 10 } }, { connected: [] }, { epsilon: 7.5 }],
    { history: [1, 2, 3].map((number) => round(number, 0.5, false)) },
  ];
  const checks = ["leader", "database", "blobs", "disk", "certificate", "jobs"].map((name) => finding(name, "broken"));
  const all = standings.flatMap((standing) =>
    alertsNow({ ...well, ...standing } as Parameters<typeof alertsNow>[0], checks, now),
  );
  expect(new Set(all.map(({ rule }) => rule))).toEqual(new Set(ruleNames.filter((rule) => !needHistory.includes(rule))));
  for (const { rule, severity } of all)
    expect([rule, severity]).toEqual(severities.find(([, name]) => name === rule)?.slice(1));
});

test("nothing fires where nothing is wrong, and each rule fires where its own begins", () => {
  expect(fires({})).toEqual([]);
  expect(fires({ history: [round(1, 5.9, true)] })).toEqual([]);
  expect(fires({ history: [round(1, 6.1, true)] })).toEqual(["FederationStuck"]);
  expect(fires({ history: [round(1, 6.1, true)], phase: "paused" })).toEqual([]);
  expect(fires({ history: [] })).toEqual([]);
  expect(fires({ connected: ["a", "b"] })).toEqual(["TooFewNodes"]);
  expect(fires({ connected: [], phase: "joining" })).toEqual([]);
  expect(fires({ connected: [], phase: "finished" })).toEqual([]);
  expect(fires({ epsilon: 7.2 })).toEqual([]);
  expect(fires({ epsilon: 7.21 })).toEqual(["EpsilonNearLimit"]);
  const failed = [1, 2, 3].map((number) => round(number, 0.5, false));
  expect(fires({ history: failed.slice(1) })).toEqual([]);
  expect(fires({ history: [...failed, ...[4, 5, 6].map((number) => round(number, 0.2, true))] })).toEqual([]);
  expect(fires({ history: failed.map((one) => ({ ...one, startedAt: round(1, 2, false).startedAt })) })).toEqual([]);
  expect(fires({ history: failed })).toEqual(["RoundsFailing"]);
  expect(fires({}, [finding("disk", "warning"), finding("leader", "warning"), finding("jobs", "warning")])).toEqual([
    "DiskNearlyFull",
  ]);
  expect(fires({ epsilon: 8 }, [finding("certificate", "warning"), finding("database", "broken")])).toEqual([
    ...["DatabaseErrors", "CertificateExpiring", "EpsilonNearLimit"],
  ]);
});

test("the page's runbook says what docs/operate.md says, word by word, and all of it in Chinese as well", () => {
  const handbook = text("docs/operate.md");
  for (const rule of ruleNames) {
    const { words, title } = runbook[rule];
    expect([rule, handbook.includes(`## Alert: Tributary${rule}\n\n${words.en}\n`)]).toEqual([rule, true]);
    expect(words.zh).toMatch(/[\u4e00-\u9fff]/);
    expect(title.zh).toMatch(/[\u4e00-\u9fff]/);
    // what is typed is the same in both
    const typed = (said: string) => [...said.matchAll(/`[^`]+`/g)].map(([code]) => code).sort();
    expect([rule, typed(words.zh)]).toEqual([rule, typed(words.en)]);
  }
});

test("what a doctor finds is said again in Chinese with its own figures; what nobody knows stays as it was", () => {
  const { foundInChinese, checkName } = words;
  expect(checkName("disk of blobs")).toBe("对象存储磁盘");
  expect(checkName("a newer one")).toBe("a newer one");
  for (const [said, zh] of [
    ["12.5 GiB free, 9 %", "剩余 12.5 GiB（9 %）"],
    ["expires in 17 days", "17 天后过期"],
    ["expired 3 h ago", "已于 3 小时前过期"],
    ["within 2 s of the database's", "与数据库时钟相差不超过 2 秒"],
    ["sqlite, /srv/home/state.db, answers in 1 ms", "sqlite，/srv/home/state.db，1 毫秒内响应"],
    ["waiting; no round yet", "轮次之间；尚无轮次"],
    [
      "paused; round 7, begun at 2026-11-30T10:00:00.000Z, given up (TRB_ROUND_COHORT_TOO_SMALL); 2 requests wait to be written",
      "已暂停；第 7 轮，始于 2026-11-30T10:00:00.000Z，已放弃（TRB_ROUND_COHORT_TOO_SMALL）；2 个请求等待写入",
    ],
    ["replica-2, which renewed its lease 4 s ago", "replica-2，4 秒前续租"],
    ["3 wait, the oldest for 5 min", "3 个在等待，最久的已等 5 分钟"],
    ["2 published, 0 staged here, 1 of rounds that are over", "2 个已发布，0 个暂存于此，1 个属于已结束的轮次"],
    ["TRB_COORDINATOR_DATABASE_UNREACHABLE: no answer", undefined],
    ["whatever a newer server says", undefined],
  ] as const) {
    expect([said, foundInChinese(said)]).toEqual([said, zh]);
  }
});

test("every advice of the doctor is known in Chinese, and none is that no doctor gives", () => {
  const source = text("coordinator/src/observe/doctor.ts") + text("coordinator/src/observe/findings.ts");
  for (const advice of words.knownAdvices) expect([advice, source.includes(advice)]).toEqual([advice, true]);
  // whatever is a sentence in these files is an advice
  const sentences = [...source.matchAll(/"([A-Z][^"\n]+\.)"/g)].map(([, sentence]) => sentence);
  const homeAlone =
    /no federation in this home|keep everything as it is|this home belongs|look again|writes it anew|once there|Start the coordinator there/;
  for (const sentence of sentences.filter((one) => !homeAlone.test(one ?? ""))) {
    expect([sentence, words.adviceInChinese(sentence ?? "")]).not.toEqual([sentence, undefined]);
  }
  expect(sentences.length).toBeGreaterThan(15);
});

test("what to do next follows from where a federation stands", () => {
  const there = {
    ...{ phase: "joining", finished: false, refused: null, minCohort: 3, completed: 0 },
    joined: [],
    connected: [],
  };
  const three = ["a", "b", "c"];
  expect(nextStep(there)).toBe("invite");
  expect(nextStep({ ...there, joined: ["a"] })).toBe("join");
  expect(nextStep({ ...there, joined: three, connected: ["a"] })).toBe("connect");
  expect(nextStep({ ...there, joined: three, connected: three })).toBe("wait");
  expect(nextStep({ ...there, joined: three, connected: three, phase: "masked", completed: 2 })).toBeNull();
  expect(nextStep({ ...there, joined: three, phase: "paused" })).toBe("resume");
  const refused = { code: "TRB_PLAN_REFUSED", reason: "", offers: 10, nodes: three };
  expect(nextStep({ ...there, joined: three, connected: three, phase: "refused", refused })).toBe("talk");
  expect(nextStep({ ...there, joined: three, phase: "finished", finished: true })).toBeNull();
});

/** A certificate that holds, and every way in which one must not: altered by a stranger, by the coordinator itself, of another model, another ledger. */
import { chooseScale, epsilonOf } from "@tributary/dp";
import {
  type Decimal,
  fingerprintOf,
  formatDecimal,
  identityKey,
  metricCoordinates,
  type Plan,
  planCost,
  type Sha256,
  signDocument,
  toHex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { examplePlan } from "../../../protocol/src/plan/example-plan.ts";
import {
  asBytes,
  type Draft,
  type ExampleFederation,
  exampleFederation,
  genesisDraft,
  roundDraft,
  votesFor,
  writeLedger,
} from "../example-ledger.ts";
import { mechanismOf } from "../mechanism.ts";
import { metricsOf } from "../metrics.ts";
import { parseLine } from "../parsing.ts";
import { spentAfter } from "../spending.ts";
import { verifyLedger } from "../verify.ts";
import { type Certifier, certificateBytes, certifyModel, type ModelCertificate } from "./certificate.ts";
import { type CertificateOptions, readCertificate, verifyCertificate } from "./verify.ts";

const crypto = nodeCrypto();
const decimal = (text: string) => text as Decimal;
const dimension = metricCoordinates.length;

/** Training, and metrics of 400 held-out customers at z = 3. */
function judgedPlan(key: string): Plan {
  const base = examplePlan(key);
  const common = { arithmetic: "exact", clipNorm: "2.8285", noiseMultiplier: "3", dimension, touched: dimension } as const;
  const { scale } = chooseScale({ ...common, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
  const metrics = {
    ...{ ...common, clipNorm: decimal("2.8285"), noiseMultiplier: decimal("3"), samplingRate: decimal("1") },
    kind: "metrics",
    ...{ rounds: 1, scale: decimal(scale), fractionBits: 8 },
  } as const;
  const plan: Plan = {
    ...base,
    minCustomers: 4000,
    releases: [...base.releases, metrics],
    metrics: { heldOut: decimal("0.1"), lossBound: decimal("10") },
  };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}

const federation = exampleFederation(crypto, judgedPlan);
const model = (number: number) => number.toString(16).padStart(2, "0").repeat(32) as Sha256;
const certified = model(0x34);

/** Round 1 trains 0x34, round 2 judges it, round 3 trains on. */
function draftsOf(of: ExampleFederation): Draft[] {
  const { plan } = of;
  const first = roundDraft(of, { round: 1, charged: 1, model: 0x33 });
  const usual = roundDraft(of, { round: 2, charged: 1, model: 0x34 });
  const scale = Number(plan.releases[1]?.scale);
  const sum = [400, 200, 120, 100, 90, 40, 10, 8].map((customers) => Math.round(customers * scale));
  const sumHash = toHex(crypto.sha256(new Uint8Array(Int32Array.from(sum).buffer))) as Sha256;
  const { cohort, h1, modelHash } = usual;
  const choice = { for: "survivors", sharers: cohort, survivors: cohort } as const;
  const judged: Draft = {
    ...{ ...usual, release: 1, nextModelHash: modelHash, mechanism: mechanismOf(plan, 1), sum, sumHash },
    votes: votesFor(of, cohort, { round: 2, modelHash, h1 }, choice),
    spent: spentAfter(plan, [1, 1]),
  };
  const last = roundDraft(of, { round: 3, charged: 1, model: 0x34 });
  return [
    genesisDraft(of),
    { ...first, spent: spentAfter(plan, [1, 0]) },
    judged,
    { ...last, spent: spentAfter(plan, [2, 1]) },
  ];
}

const lines = writeLedger(federation, draftsOf(federation));
const ledger = asBytes(lines);
const key = fingerprintOf(crypto, federation.plan.coordinatorKey);
const certifierOf = ({ coordinator, plan }: ExampleFederation): Certifier => ({
  crypto,
  key: identityKey.parse(plan.coordinatorKey),
  sign: (message) => crypto.sign(message, coordinator),
});
const certifier = certifierOf(federation);
const software = model(0x77);
const certificate = certifyModel(certifier, { lines, modelHash: certified, software });
const bytes = certificateBytes(certificate);

const check = (of: Uint8Array, options: Partial<CertificateOptions> = {}) =>
  verifyCertificate(of, { crypto, key, modelHash: certified, ...options });
const codesOf = (of: Uint8Array, options: Partial<CertificateOptions> = {}) => {
  const verdict = check(of, options);
  expect(verdict.verified).toBe(verdict.findings.length === 0);
  return verdict.findings.map(({ code }) => code);
};
/** Changed and signed anew: what the coordinator itself could hand out. */
function resigned(change: (draft: Record<string, unknown>) => void): Uint8Array {
  const { signature: _, ...draft } = structuredClone(certificate) as ModelCertificate & Record<string, unknown>;
  change(draft);
  return certificateBytes(signDocument(certifier, draft) as unknown as ModelCertificate);
}

describe("a certificate that holds", () => {
  test("is of a ledger that does", () => {
    expect(verifyLedger(ledger, { crypto }).failures).toEqual([]);
  });

  test("is verified by the file and the key alone, and with the ledger as it was, or as it is later", () => {
    expect(codesOf(bytes)).toEqual([]);
    expect(check(bytes)).toMatchObject({ verified: true, withLedger: false });
    expect(check(bytes, { ledger })).toMatchObject({ verified: true, withLedger: true });
    const early = certifyModel(certifier, { lines: lines.slice(0, 3), modelHash: certified, software });
    expect(early.ledger.entries).toBe(3);
    expect(codesOf(certificateBytes(early), { ledger })).toEqual([]);
    expect(codesOf(bytes, { key: key.toUpperCase() })).toEqual([]);
  });

  test("says what the model had cost when it was released, and what its metrics cost by themselves", () => {
    const { plan } = federation;
    expect(certificate).toMatchObject({
      ...{ federation: "example", modelHash: certified, round: 1 },
      privacy: { unit: "customer", epsilon: spentAfter(plan, [1, 0]).epsilon, delta: "1e-6", accountant: "rdp-integer" },
      ledger: { entries: 4 },
      released: { inclusion: { index: 1, size: 4 } },
      judged: { inclusion: { index: 2, size: 4 } },
      dataPeriod: { basis: "ledger", from: null, until: "2026-01" },
    });
    const alone = epsilonOf({ samplingRate: 1, noiseMultiplier: 3, steps: 1, delta: 1e-6 });
    expect(Number(certificate.metrics?.epsilon)).toBeCloseTo(alone, 9);
    expect(certificate.metrics?.epsilonAfter).toBe(spentAfter(plan, [1, 1]).epsilon);
    const entry = parseLine(lines[2] ?? "");
    const measured = entry.kind === "round" ? metricsOf(plan, entry) : undefined;
    expect(Number(certificate.metrics?.hr10.estimate)).toBeCloseTo(measured?.hr10.estimate ?? 0, 10);
    expect(certificate.evaluation).toContain("0.1 of each member's customers");
  });

  test("of the initial model says that nothing was spent; of the one trained last that nobody judged it", () => {
    const initial = certifyModel(certifier, { lines, modelHash: federation.plan.initialModelHash, software });
    expect(initial).toMatchObject({ round: 0, privacy: { epsilon: "0" }, metrics: null, evaluation: null });
    expect(codesOf(certificateBytes(initial), { modelHash: federation.plan.initialModelHash, ledger })).toEqual([]);
    const last = certifyModel(certifier, { lines, software });
    expect(last).toMatchObject({ modelHash: model(0x35), round: 3, metrics: null, judged: null });
    expect(codesOf(certificateBytes(last), { modelHash: model(0x35), ledger })).toEqual([]);
  });

  test("has a period that the coordinator declares, which can't end after the release", () => {
    const declared = (from: string | null, until: string) =>
      certifyModel(certifier, { lines, modelHash: certified, software, declared: { from, until } });
    expect(codesOf(certificateBytes(declared("2025-03", "2025-12")))).toEqual([]);
    for (const [from, until] of [
      ["2025-03", "2026-02"],
      ["2025-03", "2025-02"],
      [null, "2025-13"],
      [null, "lately"],
    ] as const) {
      expect(() => declared(from, until)).toThrow(expect.objectContaining({ code: "TRB_CERTIFICATE_INVALID" }));
    }
  });

  test("is made by nobody but the ledger's coordinator, and of no model but the ledger's", () => {
    const stranger = certifierOf({ ...federation, plan: { ...federation.plan, coordinatorKey: model(0x99) } as never });
    const code = (of: string) => expect.objectContaining({ code: of });
    expect(() => certifyModel(stranger, { lines, software })).toThrow(code("TRB_CERTIFICATE_KEY_MISMATCH"));
    expect(() => certifyModel(certifier, { lines, modelHash: model(0x66), software })).toThrow(
      code("TRB_CERTIFICATE_OTHER_MODEL"),
    );
    expect(() => certifyModel(certifier, { lines: [], software })).toThrow(code("TRB_LEDGER_EMPTY"));
  });
});

describe("never verified", () => {
  test("without a key, or by another one", () => {
    expect(codesOf(bytes, { key: undefined })).toEqual(["TRB_CERTIFICATE_KEY_UNPINNED"]);
    expect(codesOf(bytes, { key: "ab".repeat(32) })).toEqual(["TRB_CERTIFICATE_KEY_MISMATCH"]);
  });

  test("of another model, or with another ledger", () => {
    expect(codesOf(bytes, { modelHash: model(0x35) })).toEqual(["TRB_CERTIFICATE_OTHER_MODEL"]);
    const cut = asBytes(lines.slice(0, 3));
    expect(codesOf(bytes, { ledger: cut })).toEqual(["TRB_CERTIFICATE_OTHER_LEDGER"]);
    const other = exampleFederation(crypto, (coordinator) => ({ ...judgedPlan(coordinator), minCustomers: 5000 }));
    const elsewhere = asBytes(writeLedger(other, draftsOf(other)));
    expect(new Set(codesOf(bytes, { ledger: elsewhere }))).toEqual(new Set(["TRB_CERTIFICATE_OTHER_LEDGER"]));
    expect(codesOf(bytes, { ledger: Uint8Array.of(0xff, 0x0a) })).toContain("TRB_LEDGER_LINE_INVALID");
  });

  test("whatever byte a stranger changes, cuts off or adds (400 of each)", () => {
    const anywhere = fc.nat(bytes.length - 1);
    const untrue = (of: Uint8Array) => {
      expect(check(of, { ledger }).verified).toBe(false);
    };
    fc.assert(
      fc.property(anywhere, fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ by;
        untrue(changed);
      }),
      { seed: 9, numRuns: 400 },
    );
    fc.assert(
      fc.property(anywhere, (length) => untrue(bytes.slice(0, length))),
      { seed: 9, numRuns: 400 },
    );
    fc.assert(
      fc.property(anywhere, fc.uint8Array({ minLength: 1, maxLength: 4 }), (at, more) => {
        untrue(Uint8Array.of(...bytes.subarray(0, at), ...more, ...bytes.subarray(at)));
      }),
      { seed: 9, numRuns: 400 },
    );
  }, 120_000);

  test("any other value of any field, by a stranger: the signature says so", () => {
    const paths: (readonly (string | number)[])[] = [];
    const walk = (value: unknown, path: readonly (string | number)[]) => {
      if (typeof value === "object" && value !== null) {
        for (const [name, inner] of Object.entries(value)) walk(inner, [...path, Array.isArray(value) ? Number(name) : name]);
      } else paths.push(path);
    };
    const { plan: _, ...own } = certificate; // the plan's fields are hashed as one
    walk(own, []);
    expect(paths.length).toBeGreaterThan(300);
    for (const path of paths) {
      const changed = structuredClone(certificate) as unknown as Record<string | number, unknown>;
      const inner = path.slice(0, -1).reduce((at, name) => at[name] as typeof changed, changed);
      const name = path.at(-1) ?? "";
      inner[name] = another(inner[name]);
      const verdict = check(new TextEncoder().encode(`${JSON.stringify(changed)}\n`));
      expect(verdict.verified, path.join(".")).toBe(false);
      expect(verdict.findings.length, path.join(".")).toBeGreaterThan(0);
    }
  }, 60_000);

  const one = "1".padStart(64, "0");
  test.each<[string, string, (draft: Record<string, never>) => void]>([
    ["another federation", "CONTRADICTED", (draft) => assign(draft, "federation", "elsewhere")],
    ["another round", "CONTRADICTED", (draft) => assign(draft, "round", 3)],
    ["a smaller ε", "CONTRADICTED", (draft) => assign(draft, "privacy.epsilon", "0.1")],
    ["another δ", "CONTRADICTED", (draft) => assign(draft, "privacy.delta", "1e-9")],
    ["another unit", "CONTRADICTED", (draft) => assign(draft, "privacy.unit", "node")],
    ["another limit", "CONTRADICTED", (draft) => assign(draft, "privacy.limit", "1")],
    ["another accountant", "CONTRADICTED", (draft) => assign(draft, "privacy.accountant", "lattice")],
    ["fewer merchants", "CONTRADICTED", (draft) => assign(draft, "privacy.maxMerchantsPerCustomer", 2)],
    [
      "a condition that isn't one",
      "CONTRADICTED",
      (draft) => assign(draft, "privacy.conditional", "catalogue treated as public"),
    ],
    ["better metrics", "CONTRADICTED", (draft) => assign(draft, "metrics.hr10.estimate", "0.9")],
    ["a narrower interval", "CONTRADICTED", (draft) => assign(draft, "metrics.hr10.interval", ["0.49", "0.51"])],
    ["metrics for nothing", "CONTRADICTED", (draft) => assign(draft, "metrics.epsilon", "0")],
    ["metrics left out beside their entry", "CONTRADICTED", (draft) => assign(draft, "metrics", null)],
    ["another evaluation", "CONTRADICTED", (draft) => assign(draft, "evaluation", "on everybody")],
    ["another plan hash", "CONTRADICTED", (draft) => assign(draft, "planHash", one)],
    ["another plan", "ENTRY_INVALID", (draft) => assign(draft, "plan.minCustomers", 9)],
    ["an entry that it wasn't", "ENTRY_INVALID", (draft) => assign(draft, "released.entry.sumHash", one)],
    ["an entry's smaller ε", "ENTRY_INVALID", (draft) => assign(draft, "released.entry.spent.epsilon", "0.1")],
    ["another entry's place", "NOT_INCLUDED", (draft) => assign(draft, "released.inclusion.index", 2)],
    ["another proof", "NOT_INCLUDED", (draft) => assign(draft, "released.inclusion.path.0", one)],
    ["a proof in another tree", "NOT_INCLUDED", (draft) => assign(draft, "ledger.tree", one)],
    ["a longer ledger", "NOT_INCLUDED", (draft) => assign(draft, "ledger.entries", 5)],
    ["a period after the release", "INVALID", (draft) => assign(draft, "dataPeriod.until", "2027-01")],
  ])("by the coordinator itself: %s", (_, code, change) => {
    expect(codesOf(resigned(change as (draft: Record<string, unknown>) => void))).toContain(`TRB_CERTIFICATE_${code}`);
  });

  test("by the coordinator itself: a head that the ledger doesn't have, which only the ledger shows", () => {
    const forged = resigned((draft) => assign(draft, "ledger.head", one));
    expect(codesOf(forged)).toEqual([]);
    expect(codesOf(forged, { ledger })).toEqual(["TRB_CERTIFICATE_OTHER_LEDGER"]);
  });

  test("by the coordinator itself: an entry that understates ε, signed and in a tree of its own", () => {
    const drafts = draftsOf(federation).map((draft, place) =>
      place === 1 ? { ...draft, spent: { ...spentAfter(federation.plan, [1, 0]), epsilon: "0.1" as Decimal } } : draft,
    ) as Draft[];
    const forged = certifyModel(certifier, { lines: writeLedger(federation, drafts), modelHash: certified, software });
    expect(codesOf(certificateBytes(forged))).toEqual(["TRB_CERTIFICATE_ENTRY_INVALID"]);
  });

  test("by a stranger with a key, a ledger and a certificate of their own", () => {
    const strangers = { ...federation, coordinator: new Uint8Array(32).fill(7) };
    const own = exampleFederation(crypto, () => judgedPlan(toHex(crypto.signingPublicKey(strangers.coordinator))));
    const theirs = { ...own, coordinator: strangers.coordinator };
    const forged = certifyModel(certifierOf(theirs), {
      lines: writeLedger(theirs, draftsOf(theirs)),
      modelHash: certified,
      software,
    });
    expect(codesOf(certificateBytes(forged))).toEqual(["TRB_CERTIFICATE_KEY_MISMATCH"]);
  });

  test("bytes that are no certificate are refused by a code", () => {
    const texts = ["", "{}", "null", "[]", '"x"', "\ufeff{}", JSON.stringify(certificate)];
    const codes = texts.map((text) => codesOf(new TextEncoder().encode(text)));
    expect(codes.slice(0, -1)).toEqual(texts.slice(1).map(() => ["TRB_CERTIFICATE_INVALID"]));
    expect(codes.at(-1)).toEqual(["TRB_CERTIFICATE_NOT_CANONICAL"]);
    expect(codesOf(Uint8Array.of(0xff, 0xfe))).toEqual(["TRB_CERTIFICATE_INVALID"]);
    expect(readCertificate(bytes)).toEqual(certificate);
  });
});

function assign(draft: object, path: string, value: unknown): void {
  const names = path.split(".");
  const inner = names.slice(0, -1).reduce((at, name) => at[name] as Record<string, unknown>, draft as Record<string, unknown>);
  inner[names.at(-1) ?? ""] = value;
}

function another(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "string") return value === "" ? "x" : `${value.slice(0, -1)}${value.endsWith("1") ? "2" : "1"}`;
  return value === null ? "x" : null;
}

/**
 * The ledger in a thread of its own: read from the server as a stream, kept as bytes, and verified by the very code that `tributary ledger verify` runs, with
 * the portable cryptography, and signatures apart from the rest (`signatures.ts`). The page stays free to be scrolled while ten thousand entries are checked.
 */
import { foreseeing, type SignatureChecks, signaturesLater, verifyLedgerStream } from "@tributary/ledger";
import {
  customerParagraph,
  explainPlan,
  type Plan,
  type PlanLanguage,
  planCost,
  portableCrypto,
  toHex,
} from "@tributary/protocol";
import { nextCharged } from "./projection.ts";
import { rowReader } from "./rows.ts";
import { openSignatures } from "./signatures.ts";
import type { FromWorker, LedgerRow, PlanWords, ProjectedCost, ToWorker } from "./words.ts";

const crypto = portableCrypto();
const say = (message: FromWorker) => postMessage(message);

/** So many octets are verified between two looks at what the page asks for. */
const slice = 32 * 1024;
/** How far it has come is told so often, in milliseconds. */
const between = 100;
/** So many rows are told of together, while more come. */
const together = 256;
/** Points of a projection, at most. */
const mostPoints = 48;

/** Lines without their `\n`, as they came; what follows the last `\n` is `rest`. */
let lines: Uint8Array[] = [];
let rest = new Uint8Array(0);
/** Read, and not among `lines` yet. */
const untold: Uint8Array[] = [];
let bytes = 0;
let reader = rowReader();
let toldPlan = false;
let loading: Promise<void> | undefined;
let verification = 0;

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  switch (data.type) {
    case "load":
      loading ??= load().finally(() => {
        loading = undefined;
      });
      break;
    case "verify":
      void verify(data);
      break;
    case "stop":
      verification += 1;
      break;
    case "entry":
      tellEntry(data.index);
      break;
    case "project":
      tellProjection(data.charged);
      break;
  }
});

async function load(): Promise<void> {
  try {
    if (lines.length > 0 && !(await stillTheSame())) startAnew();
    const answer = await fetch(`/v1/ledger?from=${lines.length}`, { cache: "no-store" });
    if (!answer.ok || answer.body === null) return say({ type: "unreachable" });
    const body = answer.body.getReader();
    for (;;) {
      const { done, value } = await body.read();
      if (done) break;
      take(value);
    }
    // a file that ends within a line is no ledger: the line is a row all the same, and the verifier says so
    if (rest.length > 0) untold.push(rest);
    tellRows();
    say({ type: "loaded", entries: lines.length });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    say({ type: "unreachable" });
  }
}

/** Whether the server's ledger still has our last line where we have it. */
async function stillTheSame(): Promise<boolean> {
  const place = lines.length - 1;
  const answer = await fetch(`/v1/ledger?from=${place}`, { cache: "no-store" });
  if (!answer.ok) throw new TypeError(`HTTP ${answer.status}`);
  const theirs = (await answer.text()).split("\n", 1)[0] ?? "";
  return theirs === new TextDecoder().decode(lines[place]);
}

function startAnew(): void {
  verification += 1;
  [lines, rest, bytes, reader, toldPlan] = [[], new Uint8Array(0), 0, rowReader(), false];
  say({ type: "anew" });
}

function take(chunk: Uint8Array): void {
  let start = 0;
  for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
    untold.push(joined(rest, chunk.subarray(start, end)));
    rest = new Uint8Array(0);
    start = end + 1;
  }
  rest = joined(rest, chunk.subarray(start));
  if (untold.length >= together) tellRows();
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

function tellRows(): void {
  if (untold.length === 0) return;
  const rows: LedgerRow[] = [];
  for (const line of untold.splice(0)) {
    rows.push(reader.row(lines.length, new TextDecoder().decode(line), line.length + 1));
    lines.push(line);
    bytes += line.length + 1;
  }
  say({ type: "rows", rows, nodes: [...reader.nodes], bytes });
  if (reader.plan !== undefined && !toldPlan) {
    toldPlan = true;
    const plan = saidOr<PlanWords | undefined>(
      () => planWords(reader.plan as Plan),
      () => undefined,
    );
    if (plan !== undefined) say({ type: "plan", plan });
  }
}

async function verify({ key, head }: Extract<ToWorker, { type: "verify" }>): Promise<void> {
  verification += 1;
  const own = verification;
  await loading;
  const since = performance.now();
  const ended = rest.length === 0;
  const count = lines.length;
  const progress = progressOf(count, () => own === verification);

  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let place = 0; place < count && own === verification; ) {
      const parts: Uint8Array[] = [];
      let length = 0;
      for (; place < count && length < slice; place += 1) {
        const line = lines[place] ?? new Uint8Array(0);
        const last = place === count - 1 && !ended;
        parts.push(line, ...(last ? [] : [newline]));
        length += line.length + (last ? 0 : 1);
      }
      const chunk = new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
      yield chunk;
      progress.read(place);
    }
  }
  const signatures = await openSignatures();
  try {
    const knowing = await foreseeing(new TextDecoder().decode(lines[0]), crypto, signatures.verify);
    const checks = signaturesLater(signatures.verify, crypto, {
      settled: (place, failures) => progress.settled(place, failures.length > 0),
    });
    const watched: SignatureChecks = {
      ...checks,
      add(line, place, signatories) {
        progress.opened(place);
        checks.add(line, place, signatories);
      },
      // who has stopped waits for nothing
      rest: async () => (own === verification ? checks.rest() : []),
    };
    const verdict = await verifyLedgerStream(
      chunks(),
      {
        ...{ crypto: knowing, found: ({ entry }) => progress.failed(entry) },
        ...(key === undefined ? {} : { key }),
        ...(head === undefined ? {} : { head }),
      },
      watched,
    );
    // another one was asked for meanwhile, or none
    if (own !== verification) return;
    say({ type: "verdict", verdict, seconds: (performance.now() - since) / 1000 });
  } finally {
    signatures.close();
  }
}

/** What of a verification is known so far: up to which entry everything is, and which entries don't hold. */
function progressOf(of: number, wanted: () => boolean) {
  /** Whose signatures are being checked, in the ledger's order, and which don't hold and were not told of. */
  const open = new Set<number>();
  let failed: number[] = [];
  let [read, told] = [0, 0];
  const tell = () => {
    const now = performance.now();
    if (now - told < between || !wanted()) return;
    told = now;
    const [first = read] = open;
    say({ type: "verifying", entries: first, of, failed });
    failed = [];
  };
  return {
    opened: (place: number) => open.add(place),
    failed: (place: number) => failed.push(place),
    read(places: number) {
      read = places;
      tell();
    },
    settled(place: number, fails: boolean) {
      open.delete(place);
      if (fails) failed.push(place);
      tell();
    },
  };
}

const newline = Uint8Array.of(0x0a);

function tellEntry(index: number): void {
  const line = lines[index];
  if (line === undefined) return;
  say({ type: "entry", index, text: new TextDecoder().decode(line), hash: toHex(crypto.sha256(line)) });
}

function tellProjection(charged: readonly number[]): void {
  const { plan } = reader;
  if (plan === undefined) return;
  say({
    type: "projection",
    points: saidOr(
      () => projection(plan, charged),
      () => [],
    ),
  });
}

/** Both ends and evenly between them. */
function projection(plan: Plan, charged: readonly number[]): ProjectedCost[] {
  const steps = nextCharged(plan.releases, charged, mostPoints);
  return steps.map((at) => ({ rounds: at.reduce((sum, rounds) => sum + rounds, 0), epsilon: planCost(plan, at).epsilon }));
}

function planWords(plan: Plan): PlanWords {
  const { federation, unit, noiseMode, minCohort, maxCorrupt, minCustomers, accountant } = plan;
  return {
    ...{ federation, unit, noiseMode, minCohort, maxCorrupt, accountant },
    ...{ epsilon: Number(plan.epsilon), delta: Number(plan.delta), minCustomers: Number(minCustomers) },
    ...{ maxMerchants: plan.maxMerchantsPerCustomer, provenance: plan.catalogueProvenance },
    releases: plan.releases.map(({ kind, samplingRate, noiseMultiplier, clipNorm, rounds, dimension, retries = 0 }) => ({
      ...{ kind, samplingRate, noiseMultiplier, clipNorm, rounds, dimension, retries },
    })),
    customers: {
      en: saidOr(() => customerParagraph(plan, "en"), String),
      zh: saidOr(() => customerParagraph(plan, "zh"), String),
    },
    sentences: { en: sentencesOf(plan, "en"), zh: sentencesOf(plan, "zh") },
  };
}

const sentencesOf = (plan: Plan, language: PlanLanguage): readonly string[] =>
  saidOr(
    () => explainPlan(plan, language),
    (reason) => [reason],
  );

/** A plan of a tampered ledger may make no sense: then why is what is said of it. */
function saidOr<Said>(said: () => Said, otherwise: (reason: string) => Said): Said {
  try {
    return said();
  } catch (error) {
    return otherwise(error instanceof Error ? error.message : String(error));
  }
}

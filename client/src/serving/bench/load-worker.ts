/** The thread that puts load on a server over loopback, in a thread of its own so that it measures the server and not itself. */
import { setTimeout as pause } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { Pool } from "undici";
import { recommendAnswer } from "../words.ts";
import type { LoadFigures, LoadOrder, LoadSetup } from "./words.ts";

const setup: LoadSetup = workerData;
const pool = new Pool(setup.url, { connections: 16, pipelining: 1 });
const headers = { authorization: `Bearer ${setup.token}`, "content-type": "application/json" };
let turn = 0;

/** @returns the answer's text; undefined where it was refused */
async function ask(path: string, body?: unknown): Promise<string | undefined> {
  const sent = body === undefined ? { method: "GET" as const } : { method: "POST" as const, body: JSON.stringify(body) };
  const { statusCode, body: answer } = await pool.request({ path, headers, ...sent });
  const text = await answer.text();
  return statusCode === 200 ? text : undefined;
}

const customer = () => setup.customers[(turn++ * 7919) % setup.customers.length] ?? "";
const recommendation = () => ask("/v1/recommend", { customer: customer(), k: setup.k });

type Figures = Omit<LoadFigures, "kind" | "processorMs">;

async function steady({ rate, seconds }: LoadOrder, request: () => Promise<string | undefined>): Promise<Figures> {
  const requests = Math.round(rate * seconds);
  const milliseconds: number[] = [];
  let failed = 0;
  const begin = performance.now() + 50;
  const one = async (due: number) => {
    const answer = await request().catch(() => undefined);
    milliseconds.push(performance.now() - due);
    if (answer === undefined) failed += 1;
  };
  const under: Promise<void>[] = [];
  for (let n = 0; n < requests; n++) {
    const due = begin + (1000 * n) / rate;
    // timers are as fine as a millisecond: the rest is waited turn by turn
    while (due - performance.now() > 1.5) await pause(1);
    while (performance.now() < due) await new Promise((resolve) => setImmediate(resolve));
    under.push(one(due));
  }
  await Promise.all(under);
  return { requests, failed, seconds: (performance.now() - begin) / 1000, milliseconds };
}

async function most({ seconds }: LoadOrder): Promise<Figures> {
  const milliseconds: number[] = [];
  let failed = 0;
  const begin = performance.now();
  const connection = async () => {
    while (performance.now() - begin < 1000 * seconds) {
      const start = performance.now();
      if ((await recommendation().catch(() => undefined)) === undefined) failed += 1;
      milliseconds.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: 4 }, connection));
  const took = (performance.now() - begin) / 1000;
  return { requests: milliseconds.length, failed, seconds: took, milliseconds };
}

/** From the event's first octet to the answer in which it shows: what was bought is no longer recommended. */
async function fresh({ seconds }: LoadOrder): Promise<Figures> {
  const milliseconds: number[] = [];
  let failed = 0;
  const begin = performance.now();
  while (performance.now() - begin < 1000 * seconds) {
    const body = { customer: customer(), k: setup.k, bought: "exclude" };
    const best = itemsOf(await ask("/v1/recommend", body))[0];
    if (best === undefined) {
      failed += 1;
      continue;
    }
    const start = performance.now();
    const told = await ask("/v1/events", { events: [{ customer: body.customer, item: best, action: "buy" }] });
    const next = itemsOf(await ask("/v1/recommend", body));
    milliseconds.push(performance.now() - start);
    if (told === undefined || next.length === 0 || next.includes(best)) failed += 1;
  }
  const took = (performance.now() - begin) / 1000;
  return { requests: milliseconds.length, failed, seconds: took, milliseconds };
}

function itemsOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : recommendAnswer.parse(JSON.parse(text)).items.map(({ item }) => item);
}

const works = {
  steady: (order: LoadOrder) => steady(order, recommendation),
  health: (order: LoadOrder) => steady(order, () => ask("/v1/health")),
  ...{ most, fresh },
};

parentPort?.on("message", async (order: LoadOrder | "end") => {
  if (order === "end") {
    await pool.close();
    parentPort?.close();
    return;
  }
  const before = process.threadCpuUsage();
  const figures = await works[order.kind](order);
  const { user, system } = process.threadCpuUsage(before);
  parentPort?.postMessage({ ...figures, kind: order.kind, processorMs: (user + system) / 1000 } satisfies LoadFigures);
});

/**
 * `tributary node predict`: everybody's predictions at once, into a file that is the merchant's own. The same model, prepared in the same way, and the same answers as
 * `node serve` gives; it takes no lock, so that it runs beside `node serve` and `node start`. Nothing leaves the node and nothing is charged.
 *
 * The store knows customers by their pseudonyms alone, and so does the file; customers of a list are called in it as they are in the list.
 */
import { isTributaryError } from "@tributary/errors";
import type { Cell, TableColumn } from "@tributary/events/ingest";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { readPlannedCatalogue } from "../home/catalogue.ts";
import { readHistories, readStored } from "../home/histories.ts";
import { openHome } from "../home/open.ts";
import { readPolicy } from "../home/policy.ts";
import { openDoor } from "../home/store/opening.ts";
import { connectHttp } from "../transport/http.ts";
import { type Asked, askedEvents } from "./asked.ts";
import { openCustomers } from "./customers.ts";
import { churn, nextAction } from "./outlook.ts";
import { permittedServing, type ServingLimits } from "./permitted.ts";
import { prepareInThread } from "./prepare-thread.ts";
import { recommend } from "./recommend.ts";
import { keepModel, latestRelease } from "./releases.ts";
import { openServed, type ServedModel, type Shelf, shelfOf } from "./served-model.ts";

export const predictionKinds = ["recommend", "churn", "purchase", "next-action"] as const;
export type PredictionKind = (typeof predictionKinds)[number];

export interface PredictOptions extends Partial<ServingLimits> {
  readonly home: string;
  /** Ends in .parquet, .csv or .jsonl. */
  readonly out: string;
  /** Default: all. */
  readonly what?: readonly PredictionKind[];
  /** Items that are recommended to each; default 20. */
  readonly k?: number;
  /** Ids as in the merchant's log; default: everybody of the store. */
  readonly customers?: readonly string[];
  readonly churnDays?: number;
  /** A folder of `tributary model export --hybrid`, in place of what the ledger names. */
  readonly artefact?: string;
  readonly onProgress?: (done: number, of: number) => void;
  /** Its reason is what is thrown once it is aborted; the file that was there stays. */
  readonly signal?: AbortSignal;
}

export interface PredictSummary {
  readonly out: string;
  readonly customers: number;
  /** Of whom nothing is known: they have what popularity says. */
  readonly unknown: number;
  readonly what: readonly PredictionKind[];
  /** What is empty in the file for want of a model, of so many known customers, and why. */
  readonly unanswered: readonly Unanswered[];
  readonly seconds: number;
  readonly customersPerSecond: number;
  readonly model: ServedModel["prepared"]["origin"];
}

interface Unanswered {
  readonly what: PredictionKind;
  readonly customers: number;
  readonly reason: string;
}

/** Customers whose rows are held at a time. */
const batch = 1_000;

/**
 * @throws TRB_NODE_NOT_JOINED, TRB_NODE_NO_HISTORIES, TRB_NODE_STORE_UNREADABLE, TRB_NODE_CATALOGUE_MISMATCH, TRB_POLICY_SERVING_LOOSER, TRB_SERVE_MODEL_UNUSABLE,
 *   TRB_NODE_COORDINATOR_UNREACHABLE, TRB_EVENTS_FILE_UNWRITABLE
 */
export async function predictCustomers(options: PredictOptions): Promise<PredictSummary> {
  const { out, what = predictionKinds, k = 20, churnDays = 30, artefact, onProgress } = options;
  const { signal = new AbortController().signal } = options;
  const { layout, plan, membership, database } = openHome(options.home);
  database.close(); // charges and votes are the running node's
  const serve = permittedServing(readPolicy(layout), options);
  const catalogue = readPlannedCatalogue(layout, plan);
  const shelf = shelfOf(catalogue);
  const release = artefact === undefined ? latestRelease(layout, plan) : undefined;
  if (release !== undefined) {
    const client = connectHttp(membership.url, membership);
    try {
      await keepModel(layout, release, client);
    } finally {
      await client.close();
    }
  }
  const listed = options.customers;
  const histories = listed === undefined ? readHistories(layout) : readStored(layout);
  const names = listed ?? histories?.customers ?? [];
  // who is listed comes through the door; who is of the store has come through it
  const door = listed === undefined ? undefined : openDoor(layout);
  const customers = openCustomers(histories, door === undefined ? {} : { door });
  const order = { home: layout.home, serve, churnDays, release, artefact };
  const prepared = await prepareInThread(order, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
  const model = await openServed(prepared, onnxruntimeExecutor());
  const began = performance.now();
  const { writeTable } = await import("@tributary/events/ingest"); // DuckDB, which nothing else here needs
  let unknown = 0;
  const gaps = new Map<PredictionKind, Unanswered>();
  const unanswered = (kind: PredictionKind, reason: string) => {
    gaps.set(kind, { what: kind, customers: (gaps.get(kind)?.customers ?? 0) + 1, reason });
  };
  try {
    await writeTable(out, columnsOf(what), async (add) => {
      for (let first = 0; first < names.length; first += batch) {
        const rows: (readonly Cell[])[] = [];
        for (const customer of names.slice(first, first + batch)) {
          const asked = askedEvents({ customer }, customers, shelf);
          if (!asked.known) unknown += 1;
          rows.push([
            customer,
            asked.known,
            ...(await cellsOf(model, shelf, asked, { what, k, now: customers.latest(), unanswered })),
          ]);
        }
        signal.throwIfAborted();
        await add(rows);
        onProgress?.(first + rows.length, names.length);
      }
    });
  } finally {
    await model.ranker.close();
  }
  const seconds = (performance.now() - began) / 1000;
  return {
    ...{ out, customers: names.length, unknown, what, unanswered: [...gaps.values()], seconds, model: prepared.origin },
    customersPerSecond: names.length / Math.max(1e-9, seconds),
  };
}

const columns: Record<PredictionKind, readonly TableColumn[]> = {
  recommend: [
    { name: "items", kind: "texts" },
    { name: "scores", kind: "numbers" },
    { name: "basis", kind: "text" },
  ],
  churn: [
    { name: "churn", kind: "number" },
    { name: "churnHorizonDays", kind: "number" },
  ],
  purchase: [{ name: "purchase", kind: "number" }],
  "next-action": [
    { name: "nextAction", kind: "text" },
    { name: "nextActionProbability", kind: "number" },
  ],
};

const columnsOf = (what: readonly PredictionKind[]): readonly TableColumn[] => [
  { name: "customer", kind: "text" },
  { name: "known", kind: "flag" },
  ...predictionKinds.flatMap((kind) => (what.includes(kind) ? columns[kind] : [])),
];

interface Wished {
  readonly what: readonly PredictionKind[];
  readonly k: number;
  readonly now: number;
  /** Told of every known customer of whom something can't be said for want of a model. */
  unanswered(kind: PredictionKind, reason: string): void;
}

/** In the order of `columnsOf`; null where nothing can be said of this customer. */
async function cellsOf(model: ServedModel, shelf: Shelf, asked: Asked, wished: Wished): Promise<readonly Cell[]> {
  const { what, k, now, unanswered } = wished;
  const cells: Cell[] = [];
  if (what.includes("recommend")) {
    const { items, basis } = await recommend(model, shelf, asked, { k, exclude: [], diversity: 0, bought: "keep" });
    cells.push(
      items.map(({ item }) => item),
      items.map(({ score }) => score),
      basis,
    );
  }
  if (what.includes("churn")) {
    const said = await ifAny(
      () => churn(model, asked, now),
      (reason) => unanswered("churn", reason),
    );
    cells.push(said?.probability ?? null, said?.horizonDays ?? null);
  }
  if (!what.includes("purchase") && !what.includes("next-action")) return cells;
  const next = await ifAny(
    () => nextAction(model, asked),
    (reason) => {
      for (const kind of ["purchase", "next-action"] as const) if (what.includes(kind)) unanswered(kind, reason);
    },
  );
  const { purchase, heads } = model.prepared;
  if (next !== undefined && asked.known && purchase === undefined && !heads.purchase && what.includes("purchase"))
    unanswered(
      "purchase",
      "Purchases can't be answered: no head was trained, and the own log has too few to learn from, or may not serve.",
    );
  if (what.includes("purchase")) cells.push(next?.purchase?.probability ?? null);
  if (what.includes("next-action")) cells.push(next?.actions[0]?.action ?? null, next?.actions[0]?.probability ?? null);
  return cells;
}

/** Undefined where the node has nothing to answer by, which is told, or doesn't know the customer. */
async function ifAny<Answer>(answer: () => Promise<Answer>, nothing: (reason: string) => void): Promise<Answer | undefined> {
  try {
    return await answer();
  } catch (error) {
    if (isTributaryError(error) && error.code === "TRB_SERVE_CUSTOMER_UNKNOWN") return undefined;
    if (!isTributaryError(error) || error.code !== "TRB_SERVE_NOTHING_TO_ANSWER_BY") throw error;
    nothing(error.message);
    return undefined;
  }
}

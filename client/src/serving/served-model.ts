/**
 * The model that answers now, and its change without a dropped request: whoever began with one ends with it, and it is closed once nobody uses it any more.
 */
import { type Catalogue, topicIndex } from "@tributary/events";
import { openRanker, type Ranker } from "@tributary/model";
import type { OnnxExecutor } from "@tributary/tensor";
import type { OwnNames } from "../item-names.ts";
import type { Prepared } from "./prepare.ts";

export interface ServedModel {
  readonly prepared: Prepared;
  readonly ranker: Ranker;
}

/** @throws TRB_TRAINING_PARAMETERS_…, TRB_MODEL_CONTENT_MISSING */
export async function openServed(prepared: Prepared, executor: OnnxExecutor): Promise<ServedModel> {
  const { tables, similarity, content } = prepared;
  return { prepared, ranker: await openRanker(tables, { similarity, executor, content }) };
}

export interface ModelHolder {
  /** The model stays open until the work is done, whatever replaces it meanwhile. */
  use<Result>(work: (model: ServedModel) => Result | Promise<Result>): Promise<Result>;
  current(): Prepared;
  /** Resolves at once; what was served before is closed after its last use. */
  replace(next: ServedModel): void;
  /** How often the model was changed. */
  changes(): number;
  close(): Promise<void>;
}

interface Held {
  readonly model: ServedModel;
  users: number;
  retired: boolean;
}

export function holdModel(first: ServedModel): ModelHolder {
  let held: Held = { model: first, users: 0, retired: false };
  let changes = 0;
  const closing = new Set<Promise<void>>();
  const closeIfUnused = (one: Held) => {
    if (!one.retired || one.users > 0) return;
    const closed = one.model.ranker.close();
    closing.add(closed);
    void closed.finally(() => closing.delete(closed));
  };
  return {
    async use(work) {
      const mine = held;
      mine.users += 1;
      try {
        return await work(mine.model);
      } finally {
        mine.users -= 1;
        closeIfUnused(mine);
      }
    },
    current: () => held.model.prepared,
    replace(next) {
      const before = held;
      held = { model: next, users: 0, retired: false };
      changes += 1;
      before.retired = true;
      closeIfUnused(before);
    },
    changes: () => changes,
    async close() {
      if (!held.retired) {
        held.retired = true;
        closeIfUnused(held);
      }
      await Promise.all(closing);
    },
  };
}

/** Words for items of an answer. */
export interface Shelf {
  readonly catalogue: Catalogue;
  /** What the merchant calls items, where an import was told. */
  readonly names: OwnNames | undefined;
  /** Counted from 1. */
  idOf(item: number): string;
  /** What keywords are about: a topic of the catalogue, counted from 1; 0 for nothing that it names. */
  topicOf(keywords: string): number;
}

/** @param names asked anew each time, since an import may change them */
export function shelfOf(catalogue: Catalogue, names: () => OwnNames | undefined = () => undefined): Shelf {
  return {
    catalogue,
    get names() {
      return names();
    },
    idOf: (item) => catalogue.items[item - 1]?.id ?? "",
    topicOf: topicIndex(catalogue.items).match,
  };
}

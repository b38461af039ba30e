/** What `loop.ts` is made with in a browser: WebAssembly in one thread, portable cryptography, WebCrypto's randomness, and what the page handed over. */
import { fail } from "@tributary/errors";
import { type CatalogueItem, parseCatalogue } from "@tributary/events/in-memory";
import { heldOutRule } from "@tributary/federation";
import { openTrainer, splitHeldOut } from "@tributary/model";
import { portableCrypto, toHex } from "@tributary/protocol";
import { onnxruntimeWebExecutor } from "@tributary/tensor/onnxruntime-web";
import { osRandomSource } from "../../src/random.ts";
import { type TrainingLoop, trainingLoop } from "../../src/training/loop.ts";
import type { WorkerSetup } from "./words.ts";

export function browserLoop({ plan, node, catalogue, histories }: Omit<WorkerSetup, "type">): TrainingLoop {
  const crypto = portableCrypto();
  const executor = onnxruntimeWebExecutor();
  const split = splitHeldOut(histories, heldOutRule(crypto, plan));
  let items: readonly CatalogueItem[] | undefined;
  const catalogueItems = () => {
    if (items !== undefined) return items;
    if (toHex(crypto.sha256(catalogue)) !== plan.catalogueHash) throw fail("TRB_NODE_CATALOGUE_MISMATCH");
    items = parseCatalogue(catalogue).items;
    return items;
  };
  return trainingLoop({
    ...{ plan, node, crypto, catalogueItems },
    random: () => osRandomSource(),
    isStopped: () => false,
    loaded: Promise.resolve(), // a plan with extensions is refused before
    histories: () => split,
    executor: () => executor,
    openTrainer: (local, options) => openTrainer(plan.model, executor, local, options),
    sampler: () => Promise.resolve(undefined), // ours; a plan with another is refused before
  });
}

import { initialModel } from "@tributary/federation";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { prepareServing } from "./prepare.ts";
import { holdModel, openServed, type ServedModel } from "./served-model.ts";
import { ingredients } from "./shop.test-support.ts";

const executor = onnxruntimeExecutor();
const events = { items: Int32Array.of(1, 3, 5), actions: new Uint8Array(3), times: Float64Array.of(1, 2, 3) };

/** A model with attention, as a training round released it, that tells when it is closed. */
async function open(name: string, closed: string[]): Promise<ServedModel> {
  const from = ingredients({ serve: { mode: "releasedOnly", minSupport: 5 } });
  const parameters = initialModel(nodeCrypto(), from.plan.model);
  const released = { hash: name, round: 1, trained: true, model: { parameters, statistics: undefined } };
  const { prepared, ranker } = await openServed(await prepareServing({ ...from, released }, executor), executor);
  const close = async () => {
    await ranker.close();
    closed.push(name);
  };
  return { prepared, ranker: { ...ranker, close } };
}

describe("the model that is served", () => {
  test("what a round trained is attention, with the head of its own", async () => {
    const closed: string[] = [];
    const { prepared, ranker } = await open("a", closed);
    expect(prepared.origin).toEqual({ source: "released", hash: "a", round: 1, parts: ["attention"], fallback: false });
    expect(prepared.heads).toEqual({ nextAction: true, purchase: false, churnDays: 0 });
    expect((await ranker.scores(events)).unit).toBe("logarithms");
    expect((await ranker.heads(events))?.actions).toHaveLength(10);
    await ranker.close();
  });

  test("is closed after its last use, not before, and once; the next one serves from the exchange on", async () => {
    const closed: string[] = [];
    const holder = holdModel(await open("a", closed));
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const uses = gates.map(({ promise }) =>
      holder.use(async ({ prepared, ranker }) => {
        await promise;
        await ranker.scores(events); // of a session that is still open
        return prepared.origin.hash;
      }),
    );
    holder.replace(await open("b", closed));
    expect(await holder.use(({ prepared }) => prepared.origin.hash)).toBe("b");
    gates[0].resolve();
    expect(await uses[0]).toBe("a");
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toEqual([]);
    gates[1].resolve();
    expect(await uses[1]).toBe("a");
    await holder.close();
    await holder.close();
    expect(closed.sort()).toEqual(["a", "b"]);
    expect(holder.changes()).toBe(1);
  });

  test("a use that fails lets go of the model as well", async () => {
    const closed: string[] = [];
    const holder = holdModel(await open("a", closed));
    await expect(holder.use(() => Promise.reject(new Error("on purpose")))).rejects.toThrow("on purpose");
    holder.replace(await open("b", closed));
    await holder.close();
    expect(closed.sort()).toEqual(["a", "b"]);
  });
});

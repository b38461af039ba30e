/**
 * personal/model: what `tributary node personalise` made and kept. It has learnt from this merchant's customers exactly, without noise, so it never leaves the
 * node: sealed like the store, in a form of its own that nothing exports, verifies or sends, and of use only beside the federated model that it came from.
 *
 *   "TRBPERS1" · sealed(length of the JSON (u32, little-endian) · JSON · parameters (float32, little-endian, in the order of the model spec))
 */
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fail } from "@tributary/errors";
import { type HybridWeights, parameterCount } from "@tributary/model";
import { type Plan, planHash, sha256Hex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { z } from "zod";
import { removeFile, replaceFile } from "../home/durable.ts";
import type { Layout } from "../home/layout.ts";
import { withStore } from "../home/store/opening.ts";
import { headWithin, seal, unseal, withKey } from "../home/store/sealing.ts";
import { reasonOf } from "../reason.ts";
import type { Personal } from "../serving/prepare.ts";

const weight = z.number().min(0);

const headSchema = z.strictObject({
  version: z.literal(1),
  /** In-house: never to be released, exported or sent. */
  scope: z.literal("inHouse"),
  plan: sha256Hex,
  /** Of the federated model that it began at. */
  federated: sha256Hex,
  round: z.int().min(0),
  layers: z.array(z.string()).min(1),
  weights: z.strictObject({
    mixture: z.strictObject({ content: weight, released: weight, own: weight, history: weight, topics: weight.optional() }),
    popularity: weight,
    attention: weight.max(1),
  }),
  /** Share of own customers that it was not to see (`holdout.ts`). */
  reserved: z.number().min(0).max(1),
});
type PersonalHead = z.infer<typeof headSchema>;

export interface PersonalModel extends PersonalHead {
  /** [parameterCount] */
  readonly parameters: Float32Array;
}

const magic = Buffer.from("TRBPERS1", "ascii");

/** @throws TRB_NODE_NO_HISTORIES, TRB_NODE_HOME_UNWRITABLE, TRB_NODE_STORE_KEY_… */
export async function writePersonal(layout: Layout, { parameters, ...head }: PersonalModel): Promise<void> {
  const json = Buffer.from(JSON.stringify(headSchema.parse(head)), "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const numbers = Buffer.alloc(4 * parameters.length);
  for (let place = 0; place < parameters.length; place++) numbers.writeFloatLE(parameters[place] as number, 4 * place);
  mkdirSync(dirname(layout.personal), { recursive: true, mode: 0o700 });
  const sealed = withPersonalKey(layout, (key) => seal(Buffer.concat([length, json, numbers]), key, magic));
  await replaceFile(layout.personal, Buffer.concat([magic, sealed]));
}

/**
 * Undefined where there is none.
 * @throws TRB_VALUE_PERSONAL_UNREADABLE, TRB_NODE_NO_HISTORIES, TRB_NODE_STORE_KEY_…
 */
export function readPersonal(layout: Layout, plan: Plan): PersonalModel | undefined {
  if (!existsSync(layout.personal)) return undefined;
  const refuse = (reason: string, cause?: unknown) => fail("TRB_VALUE_PERSONAL_UNREADABLE", { reason }, cause);
  let file: Buffer;
  try {
    file = readFileSync(layout.personal);
  } catch (cause) {
    throw refuse(reasonOf(cause), cause);
  }
  if (!magic.equals(file.subarray(0, magic.length))) throw refuse("it is no personalised model");
  const plain = withPersonalKey(layout, (key) => unseal(file.subarray(magic.length), key, magic));
  if (plain === undefined) throw refuse("the key doesn't fit, or the file was changed");
  const { head, rest } = headWithin(headSchema, plain) ?? {};
  if (head === undefined || rest === undefined) throw refuse("it is of another version of this program");
  if (head.plan !== planHash(nodeCrypto(), plan)) throw refuse("it is of another plan");
  const count = parameterCount(plan.model);
  if (rest.length !== 4 * count) throw refuse("it is of another model");
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
  return { ...head, parameters: Float32Array.from({ length: count }, (_, place) => view.getFloat32(4 * place, true)) };
}

export function removePersonal(layout: Layout): void {
  if (existsSync(layout.personal)) removeFile(layout.personal);
}

/** Changes whenever the file does; undefined where there is none. */
export function personalStamp(layout: Layout): string | undefined {
  const facts = statSync(layout.personal, { bigint: true, throwIfNoEntry: false });
  return facts === undefined ? undefined : `${facts.ino}:${facts.mtimeNs}:${facts.size}`;
}

/** For serving: a model that can't be read, or is of another federated model than this one, leaves that to serve. */
export function personalOf(layout: Layout, plan: Plan, federated: { readonly hash: string } | undefined): Personal | undefined {
  if (!existsSync(layout.personal)) return undefined;
  let model: PersonalModel | undefined;
  try {
    model = readPersonal(layout, plan);
  } catch {
    return { state: "unreadable" }; // what exactly is wrong, `tributary node report --value` says
  }
  if (model === undefined) return undefined;
  const { parameters, weights } = model;
  return model.federated === federated?.hash
    ? { state: "serves", parameters, weights: servedWeights(weights) }
    : { state: "stale" };
}

export const servedWeights = ({
  mixture: { topics, ...parts },
  popularity,
  attention,
}: PersonalHead["weights"]): HybridWeights => ({
  mixture: topics === undefined ? parts : { ...parts, topics },
  ...{ popularity, attention },
});

function withPersonalKey<Result>(layout: Layout, use: (key: Uint8Array) => Result): Result {
  const done = withStore(layout, ({ master, manifest }) => ({
    result: withKey(master, manifest.store, "personal model", use),
  }));
  if (done === undefined) throw fail("TRB_NODE_NO_HISTORIES", { home: layout.home });
  return done.result;
}

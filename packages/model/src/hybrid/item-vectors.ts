/**
 * Public vectors of items as the start of a model's item table: attributes of the catalogue, frozen text or image vectors (`readFeatures` of
 * `@tributary/events` reads `.npy` and Parquet), or another model's table. Nothing private is in them, so beginning there costs no ε.
 */
import { fail } from "@tributary/errors";
import { seededRandom } from "@tributary/events/histories";
import type { FeatureVectors } from "../item-content/item-content.ts";
import { parameterShapes } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";

/** [items · width], row i of item i + 1; zero for an item of which nothing is known. */
export type ItemVectors = FeatureVectors;

/**
 * Each item's unit vector of attributes times a random sign matrix / √width: products keep the content cosine up to 1/√width
 * (Johnson–Lindenstrauss; Achlioptas, JCSS 2003).
 * @param seed no secret; the same seed gives the same projection everywhere
 */
export function projectedContent(similarity: ItemSimilarity, width: number, seed: number): ItemVectors {
  const { items, offsets, attributes, values: shares, holderOffsets } = similarity;
  const signs = signMatrix(holderOffsets.length - 1, width, seed);
  const values = new Float32Array(items * width);
  for (let i = 0; i < items; i++) {
    for (let n = offsets[i] as number; n < (offsets[i + 1] as number); n++) {
      const from = (attributes[n] as number) * width;
      for (let k = 0; k < width; k++) {
        values[i * width + k] = (values[i * width + k] as number) + (shares[n] as number) * (signs[from + k] as number);
      }
    }
  }
  return { values, width };
}

/**
 * Adds vectors to a model's item table, each scaled to `norm`; wider or narrower ones are projected as above. Vectors are centred first: what all have
 * in common tells items apart as little as nothing. The table's last column is left alone.
 * @throws TRB_MODEL_CONTENT_FEATURES when they are not one finite row an item, TRB_TRAINING_SPEC_INVALID for a model without such a table
 */
export function addProjected(
  parameters: Float32Array,
  spec: ModelSpec,
  vectors: ItemVectors,
  { norm, seed }: { readonly norm: number; readonly seed: number },
): void {
  const { items, width } = spec;
  if (parameterShapes(spec)[0]?.name !== "item.weight")
    throw fail("TRB_TRAINING_SPEC_INVALID", { reason: "imported vectors need items with vectors of their own" });
  const found = vectors.width === 0 ? "none" : `${vectors.values.length / vectors.width} × ${vectors.width}`;
  const expected = `${items} × ${vectors.width}`;
  if (vectors.width === 0 || found !== expected) throw fail("TRB_MODEL_CONTENT_FEATURES", { expected, found });
  if (!vectors.values.every(Number.isFinite)) throw fail("TRB_MODEL_CONTENT_FEATURES", { expected, found: "NaN or infinity" });
  const room = width - 1;
  const centred = centredRows(vectors);
  const rows = vectors.width === room ? centred : projected(centred, vectors.width, room, seed);
  for (let i = 0; i < items; i++) {
    const row = rows.subarray(i * room, (i + 1) * room);
    const length = Math.hypot(...row);
    if (length === 0) continue;
    for (let k = 0; k < room; k++) {
      parameters[i * width + k] = (parameters[i * width + k] as number) + (norm * (row[k] as number)) / length;
    }
  }
}

/** Without the mean of those that are not zero; zero rows, of which nothing is known, stay zero. */
function centredRows({ values, width }: ItemVectors): Float32Array {
  const mean = new Float64Array(width);
  const known = Array.from({ length: values.length / width }, (_, i) => i).filter((i) =>
    values.subarray(i * width, (i + 1) * width).some((value) => value !== 0),
  );
  for (const i of known) for (let k = 0; k < width; k++) mean[k] = (mean[k] as number) + (values[i * width + k] as number);
  const centred = values.slice();
  for (const i of known) {
    for (let k = 0; k < width; k++) {
      centred[i * width + k] = (values[i * width + k] as number) - (mean[k] as number) / known.length;
    }
  }
  return centred;
}

function projected(values: Float32Array, from: number, to: number, seed: number): Float32Array {
  const signs = signMatrix(from, to, seed);
  const rows = values.length / from;
  const out = new Float32Array(rows * to);
  for (let i = 0; i < rows; i++) {
    for (let a = 0; a < from; a++) {
      const value = values[i * from + a] as number;
      if (value === 0) continue;
      for (let k = 0; k < to; k++) out[i * to + k] = (out[i * to + k] as number) + value * (signs[a * to + k] as number);
    }
  }
  return out;
}

/** [rows · columns] of ±1/√columns. */
function signMatrix(rows: number, columns: number, seed: number): Float32Array {
  const random = seededRandom(seed, "projection", columns);
  const unit = 1 / Math.sqrt(columns);
  return Float32Array.from({ length: rows * columns }, () => (random.uint32() % 2 === 0 ? unit : -unit));
}

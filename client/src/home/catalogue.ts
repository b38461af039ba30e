/** The plan's public catalogue, as it lies in the home folder since the node joined. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { type Catalogue, parseCatalogue } from "@tributary/events";
import type { Plan } from "@tributary/protocol";
import { reasonOf } from "../reason.ts";
import type { Layout } from "./layout.ts";

/** @throws TRB_NODE_HOME_UNREADABLE */
export function readHomeCatalogue(layout: Layout): Catalogue {
  return parseCatalogue(octetsOf(layout));
}

/**
 * The same where training depends on it: attributes and features are part of the model, so they must be those of the plan.
 * @throws TRB_NODE_HOME_UNREADABLE, TRB_NODE_CATALOGUE_MISMATCH
 */
export function readPlannedCatalogue(layout: Layout, { catalogueHash }: Plan): Catalogue {
  const octets = octetsOf(layout);
  if (createHash("sha256").update(octets).digest("hex") !== catalogueHash) throw fail("TRB_NODE_CATALOGUE_MISMATCH");
  return parseCatalogue(octets);
}

function octetsOf(layout: Layout): Buffer {
  try {
    return readFileSync(layout.catalogue);
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.catalogue, reason: reasonOf(cause) }, cause);
  }
}

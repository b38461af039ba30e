/** A federation of devices: a plan of unit `node` over a small catalogue, and one person's history for each. */
import { readFileSync, writeFileSync } from "node:fs";
import { makeCatalogue, seededRandom } from "@tributary/events";
import type { temporaryFolder } from "./processes.ts";
import { tributaryJson } from "./processes.ts";

const items = Array.from({ length: 30 }, (_, item) => `item-${item}`);
export const catalogue = makeCatalogue(items.map((id) => ({ id })));
export const header = "user,item,action,ts\n";
export const columns = { customer: "user", item: "item", action: "action", time: "ts" };

/** Visits of one person. @returns the file */
export function historyOf(folder: ReturnType<typeof temporaryFolder>, person: string): string {
  const random = seededRandom(36, "devices", person);
  const rows = Array.from({ length: 12 }, (_, at) => `${person},item-${random.below(30)},view,${1_700_000_000 + 60 * at}`);
  const path = folder.file(`${person}.csv`);
  writeFileSync(path, `${header}${rows.join("\n")}\n`);
  return path;
}

export interface Planned {
  readonly plan: object;
  /** The coordinator's home. */
  readonly platform: string;
  readonly catalogueBytes: Buffer;
}

export async function planned(
  folder: ReturnType<typeof temporaryFolder>,
  { rounds, devices, deadlines }: { readonly rounds: number; readonly devices: number; readonly deadlines: object },
): Promise<Planned> {
  const platform = folder.file("platform");
  const [catalogueFile, planFile] = [folder.file("catalogue.jsonl"), folder.file("plan.json")];
  writeFileSync(catalogueFile, items.map((id) => `${JSON.stringify({ id })}\n`).join(""));
  await tributaryJson([
    ...["plan", "new", "--home", platform, "--catalogue", catalogueFile, "--unit", "node", "--out", planFile],
    ...["--customers", String(devices), "--merchants", String(devices), "--epsilon", "8", "--rounds", String(rounds)],
  ]);
  const plan = { ...JSON.parse(readFileSync(planFile, "utf8")), deadlines };
  return { plan, platform, catalogueBytes: readFileSync(catalogueFile) };
}

/** The row that says who leads, as writers meet it: whoever writes for all waits for it, and writes nothing under a leadership that has ended. */
import { fail } from "@tributary/errors";
import type { Database, Writing } from "./database.ts";

/** The newest one's fence; nobody else who asks gets an answer before this transaction ends. */
export async function leadership({ engine }: Pick<Database, "engine">, tables: Writing): Promise<number | undefined> {
  const newest = tables.selectFrom("leadership").select("fence");
  const row = await (engine === "postgres" ? newest.forUpdate() : newest).executeTakeFirst();
  return row?.fence;
}

/** @throws TRB_COORDINATOR_FENCED when `fence` is not the newest leadership's */
export async function requireLeadership(database: Pick<Database, "engine">, tables: Writing, fence: number): Promise<void> {
  if ((await leadership(database, tables)) !== fence) throw fail("TRB_COORDINATOR_FENCED", { fence });
}

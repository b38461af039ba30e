/**
 * What one replica does for all while it leads: the engine, when rounds begin, what operators ask for. It may begin at any time with what the
 * store holds, and end at any time; the fence decides whether anything that it worked out still counts.
 */
import { keepRetention } from "./retention.ts";
import { type FederationParts, type RunningFederation, runFederation } from "./rounds/federation.ts";
import { openLedgerFile } from "./storage/ledger-file.ts";

export interface LeadingParts extends Omit<FederationParts, "ledgerFile"> {
  /** `ledger.jsonl`, which follows the store's ledger. */
  readonly ledgerPath: string;
}

/**
 * @returns once what an earlier leadership left is taken up; `stop` ends the leadership's work and leaves the store as it is
 * @throws TRB_COORDINATOR_STORE_DAMAGED
 */
export async function startLeading({ ledgerPath, ...parts }: LeadingParts): Promise<RunningFederation> {
  const ledgerFile = openLedgerFile(ledgerPath, await parts.store.ledgerLines(0));
  try {
    const federation = await runFederation({ ...parts, ledgerFile });
    const retention = keepRetention(parts.store, parts.blobs, parts.log);
    return {
      ...federation,
      async stop() {
        retention.close();
        await federation.stop();
        ledgerFile.close();
      },
    };
  } catch (error) {
    ledgerFile.close();
    throw error;
  }
}

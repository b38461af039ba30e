/**
 * What a device keeps of its rounds in its browser: `Kept` over IndexedDB, with what must be known at once held in memory besides.
 *
 * State, y and charge are written in one strict transaction. So after a crash or a reload either none of them is there, and the round goes on without this
 * device, or all of them are, and the same bytes are sent again.
 */
import { fail } from "@tributary/errors";
import { type Charge, decodeNodeState, encodeNodeState, type NodePolicy, type NodeState } from "@tributary/federation";
import type { Signature } from "@tributary/protocol";
import { awaitedUpload, beginState, type Party, resumedState } from "../../src/running/begin-state.ts";
import type { RoundsRemembered } from "../../src/running/catch-up.ts";
import type { Kept, Paid } from "../../src/running/kept.ts";
import { continues, headOf, type LedgerCopy } from "../../src/running/ledger-chain.ts";
import { type DeviceDatabase, readSetting, writeStrictly } from "./tables.ts";

export interface DeviceRounds {
  readonly kept: Kept;
  readonly copy: LedgerCopy;
  readonly memory: RoundsRemembered["database"];
  charges(): readonly Charge[];
  /**
   * The state as it was kept, under today's policy. Undefined before the ledger has begun.
   * @throws TRB_FEDERATION_STATE_UNREADABLE, TRB_NODE_PLAN_CHANGED, TRB_NODE_KEY_NOT_IN_ROSTER, TRB_NODE_LEDGER_INVALID, TRB_DEVICE_STORE_UNAVAILABLE
   */
  load(policy: NodePolicy): Promise<NodeState | undefined>;
}

/** @throws TRB_DEVICE_STORE_UNAVAILABLE */
export async function openRounds(database: DeviceDatabase, party: Party): Promise<DeviceRounds> {
  const { crypto } = party;
  const lines = await database.getAll("ledger");
  const charges = new Map((await database.getAll("charges")).map((charge) => [charge.round, charge]));
  const votes = new Map<number, Signature>();
  for (const round of await database.getAllKeys("votes")) {
    const signature = await database.get("votes", round);
    if (signature !== undefined) votes.set(round, signature);
  }
  let lastRound = (await readSetting(database, "lastRound")) ?? 0;

  const save = async (state: NodeState, paid?: Paid): Promise<void> => {
    const last = Math.max(lastRound, state.lastRound);
    await writeStrictly(database, async (tables) => {
      const settings = tables.objectStore("settings");
      if (paid?.octets !== undefined) await tables.objectStore("vectors").put(paid.octets, paid.charge.round);
      // `add` fails where the round was charged before, and with it the whole transaction
      if (paid !== undefined && !charges.has(paid.charge.round)) {
        await tables.objectStore("charges").add(paid.charge, paid.charge.round);
      }
      await settings.put(encodeNodeState(state), "state");
      await settings.put(last, "lastRound");
    });
    if (paid !== undefined && !charges.has(paid.charge.round)) charges.set(paid.charge.round, paid.charge);
    lastRound = last;
  };

  return {
    kept: {
      save,
      async vote({ round, signature }) {
        const before = votes.get(round);
        if (before === signature) return;
        if (before !== undefined) throw fail("TRB_DEVICE_STORE_UNAVAILABLE", { reason: "a vote is cast once" });
        await writeStrictly(database, async (tables) => void (await tables.objectStore("votes").add(signature, round)));
        votes.set(round, signature);
      },
      vector: (round) => database.get("vectors", round),
      eraseVector: (round) => writeStrictly(database, (tables) => tables.objectStore("vectors").delete(round)),
      async settle(round, as, charge) {
        const before = charges.get(round) ?? charge;
        if (before === undefined || before.standing === as) return;
        if (charges.has(round) && before.standing !== "open") return; // a charge is settled once
        const settledAt = charge?.settledAt;
        const settled: Charge = { ...before, standing: as, ...(settledAt === undefined ? {} : { settledAt }) };
        await writeStrictly(database, async (tables) => void (await tables.objectStore("charges").put(settled, round)));
        charges.set(round, settled);
      },
    },
    copy: {
      lines: () => lines,
      head: () => headOf(crypto, lines),
      async append(index, line) {
        if (!continues(crypto, lines, index, line)) return;
        await writeStrictly(database, async (tables) => void (await tables.objectStore("ledger").add(line, index)));
        lines.push(line);
      },
    },
    memory: {
      lastRound: () => lastRound,
      remembersVote: (round, signature) => votes.get(round) === signature,
    },
    charges: () => [...charges.values()].sort((a, b) => a.round - b.round),
    async load(policy) {
      const text = await readSetting(database, "state");
      const [first] = lines;
      if (text === undefined && first === undefined) return undefined;
      const before = text === undefined ? beginState(party, policy, first ?? "") : decodeNodeState(text);
      const state = resumedState(party, before, { policy, charges: [...charges.values()], lastRound });
      const awaited = awaitedUpload(state);
      // secrets of a round that can't go on are gone as well, and so is any y that nothing names
      await writeStrictly(database, async (tables) => {
        const vectors = tables.objectStore("vectors");
        for (const round of await vectors.getAllKeys()) if (round !== awaited) await vectors.delete(round);
        await tables.objectStore("settings").put(encodeNodeState(state), "state");
      });
      return state;
    },
  };
}

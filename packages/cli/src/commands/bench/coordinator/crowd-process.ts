/** Many nodes in a process of its own. It gives way to the coordinator: how fast nodes compute is not what is measured. */
import { randomBytes } from "node:crypto";
import { getPriority, setPriority } from "node:os";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { rememberingCrypto } from "@tributary/simulate";
import { type CrowdNode, crowdNode, sharedLedger } from "./crowd-node.ts";
import { downloadOnce } from "./downloads.ts";
import type { CrowdAnswer, CrowdOrder } from "./words.ts";

const say = (answer: CrowdAnswer) => process.send?.(answer);

setPriority(Math.min(19, getPriority() + 3));
/** Between attempts to join or connect at a time. */
const together = 16;
/** Downloads at a time. */
const downloadsTogether = 32;
/** Of so many downloads one is hashed. */
const checkedOf = 50;

const { crypto } = rememberingCrypto(nodeCrypto());
const seed = new Uint8Array(randomBytes(32));
const ledger = sharedLedger(crypto);
const refused = new Set<string>();
let nodes: readonly CrowdNode[] = [];

async function obey(order: CrowdOrder): Promise<void> {
  switch (order.type) {
    case "join":
      nodes = order.invites.map((invite) =>
        crowdNode({ invite, seed, crypto, ledger, refused: (code) => void refused.add(code) }),
      );
      await each(nodes, together, (node) => node.join());
      say({ type: "joined" });
      return;
    case "connect":
      await each(nodes, together, (node) => node.connect());
      say({ type: "connected" });
      await Promise.all(nodes.map(({ followed }) => followed));
      say({ type: "followed", refused: [...refused].sort() });
      return;
    case "download": {
      const { urls, sha256, octets } = order;
      const begun = performance.now();
      const fetched: number[] = [];
      const places = Array.from({ length: order.nodes }, (_, place) => place);
      await each(places, downloadsTogether, async (place) => {
        const url = urls[place % urls.length] ?? "";
        fetched.push(await downloadOnce({ url, sha256, octets, checked: place % checkedOf === 0 }));
      });
      const total = fetched.reduce((sum, one) => sum + one, 0);
      say({ type: "downloaded", octets: total, seconds: (performance.now() - begun) / 1e3 });
      return;
    }
    case "end":
      await Promise.all(nodes.map((node) => node.close()));
      process.disconnect();
  }
}

/** All of them, so many at a time. */
async function each<Item>(items: readonly Item[], most: number, work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = items.values();
  await Promise.all(
    Array.from({ length: most }, async () => {
      for (const item of waiting) await work(item);
    }),
  );
}

process.on("message", (order: CrowdOrder) => {
  obey(order).catch((error: unknown) => {
    say({ type: "failed", reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  });
});
process.once("disconnect", () => process.exit()); // told to end, or the benchmark is gone

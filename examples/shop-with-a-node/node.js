/** The node: what a shop has to do once, what it starts, and the two questions that this one asks. */
import { existsSync, readFileSync } from "node:fs";
import { importEvents, joinFederation, serveNode, startNode, trustPeers } from "@tributary/client";

/**
 * Joins and imports where that hasn't been done, then takes part in rounds and answers.
 * @param {{ home: string, invite: string | undefined, trust: readonly string[], log: string | undefined }} options
 */
export async function openNode({ home, invite, trust, log }) {
  // repeating a join gives the same answer, so that a shop may say it at every start
  const joined = invite === undefined ? undefined : await joinFederation({ invite, home });
  if (trust.length > 0) await trustPeers({ home, fingerprints: trust });
  if (log !== undefined && existsSync(log)) {
    const columns = { customer: "customer", item: "item", action: "action", time: "time" };
    await importEvents({ home, files: [log], columns });
  }
  const serving = await serveNode({ home, port: 0 });
  // a node that refuses the plan (too few peers that it trusts, no ε left), or can't go on later, must not end the shop, nor pass unseen
  const rounds = await startNode({ home }).catch(takesPartNoLonger);
  rounds?.finished.catch(takesPartNoLonger);
  await serving.ready;
  const token = readFileSync(serving.tokenFile, "utf8").trim();

  /** @param {string} path @param {object} body */
  async function ask(path, body) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${serving.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const said = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${said.error?.code ?? answer.status}`);
    return said;
  }

  return {
    federation: joined?.federation ?? rounds?.federation,
    takesPart: rounds !== undefined,
    /** Once it is on disk; it counts from the next answer on. @param {{ customer: string, item: string, action: string }} event */
    tell: (event) => ask("/v1/events", { events: [event] }),
    /** @param {string} customer @param {number} k */
    recommend: (customer, k) => ask("/v1/recommend", { customer, k, bought: "exclude" }),
    /** A round under way goes on at the next start. */
    async close() {
      await rounds?.close();
      await serving.close();
    },
  };
}

/** @param {{ code?: string, message: string }} error */
function takesPartNoLonger(error) {
  console.error(`the node takes no part: ${error.code ?? ""} ${error.message}`);
  return undefined;
}

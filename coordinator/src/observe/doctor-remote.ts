/** `coordinator doctor --url`: what a coordinator shows of itself to somebody who only has its address. */
import { connect } from "node:tls";
import { fail, isTributaryError } from "@tributary/errors";
import { verifyLedger } from "@tributary/ledger";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { z } from "zod";
import { broken, certificateFinding, clockFinding, type Finding, finding, warning, well } from "./findings.ts";

const healthSchema = z.object({
  status: z.string(),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), reason: z.string().nullable() })),
});
const statusSchema = z.object({
  ...{
    federation: z.string(),
    phase: z.string(),
    round: z.number(),
    completed: z.number(),
    charged: z.number(),
    rounds: z.number(),
  },
  ...{ connected: z.array(z.string()), joined: z.array(z.string()), epsilon: z.number(), epsilonLimit: z.number() },
});

/** In milliseconds, for each request. */
const patience = 10_000;

/** What to do where a check of `/readyz` fails. */
const advices: Readonly<Record<string, string>> = {
  database: "Look whether the database runs and is reached from that machine: `coordinator doctor --home` there says more.",
  blobs: "Look whether the disk, or the object store, can be written to from that machine.",
  leader: "Look whether any replica leads: their logs say who does, and why nobody.",
  serving: "It stops, or starts again; ask another replica.",
  eventLoop: "Something holds the process up: look at its processor time, its memory, and at what else runs there.",
  engine: "The replica's engine stopped: its log says why. Start it again.",
};

/** @param url of the coordinator, or of one replica; without a path */
export async function examineUrl(url: string): Promise<readonly Finding[]> {
  const base = url.replace(/\/+$/, "");
  const alive = await checks("/healthz");
  if (alive.some(({ name }) => name === "address")) return alive;
  return [
    ...alive,
    ...(await checks("/readyz")),
    ...(base.startsWith("https:") ? [await finding("certificate", () => certificate(base))] : []),
    await finding("clock", clock),
    await finding("federation", federation),
    await finding("ledger", ledger),
  ];

  async function ask(path: string): Promise<Response> {
    try {
      return await fetch(`${base}${path}`, { signal: AbortSignal.timeout(patience) });
    } catch (error) {
      throw fail("TRB_NODE_COORDINATOR_UNREACHABLE", { url: base, reason: causeOf(error) });
    }
  }

  async function checks(path: string): Promise<readonly Finding[]> {
    try {
      const said = healthSchema.safeParse(await (await ask(path)).json().catch(() => undefined));
      if (!said.success) {
        return [broken("address", `${path} is not a coordinator's`, "Give the coordinator's address, without a path.")];
      }
      return said.data.checks.map(({ name, ok, reason }) =>
        ok ? well(name, "ok") : broken(name, reason ?? "failed", advices[name] ?? "Look at that replica's log."),
      );
    } catch (error) {
      if (!isTributaryError(error)) throw error;
      return [broken("address", `${error.code}: ${error.message}`, error.advice)];
    }
  }

  async function clock(): Promise<Finding> {
    const before = Date.now();
    const answer = await ask("/healthz");
    const theirs = Date.parse(answer.headers.get("date") ?? "");
    // the header is cut to the second
    return clockFinding((before + Date.now()) / 2 - (theirs + 500), "the coordinator's");
  }

  async function federation(): Promise<Finding> {
    const said = statusSchema.parse(await (await ask("/v1/status")).json());
    const { phase, round, completed, charged, rounds, connected, joined, epsilon, epsilonLimit } = said;
    const found = [
      `${said.federation}: ${phase}, round ${round}, ${completed} released, ${charged} of ${rounds} charged`,
      `${connected.length} of ${joined.length} nodes connected, ε ${epsilon} of ${epsilonLimit}`,
    ].join("; ");
    if (phase === "refused") return broken("federation", found, "The nodes refuse what is offered: ask the merchants why.");
    return phase === "paused" ? warning("federation", found, "An operator paused it.") : well("federation", found);
  }

  async function ledger(): Promise<Finding> {
    const bytes = new Uint8Array(await (await ask("/v1/ledger")).arrayBuffer());
    if (bytes.length === 0) return well("ledger", "not begun");
    const { verified, entries, failures, reaches } = verifyLedger(bytes, { crypto: nodeCrypto() });
    if (verified) return well("ledger", `${entries} entries, consistent in themselves, up to ${reaches?.at ?? "no time"}`);
    const [failure] = failures;
    const advice = "Tell whoever runs it, and trust nothing of it until it is known why: `tributary ledger verify` says more.";
    return broken("ledger", `it doesn't verify: entry ${failure?.entry}, ${failure?.code}`, advice);
  }
}

async function certificate(base: string): Promise<Finding> {
  const { hostname, port } = new URL(base);
  const host = hostname.replace(/^\[|\]$/g, "");
  return await new Promise<Finding>((resolve, reject) => {
    // whether it is to be trusted was asked by the requests before; here it is only about its time
    const socket = connect({ host, port: Number(port || 443), servername: host, rejectUnauthorized: false, timeout: patience });
    socket.once("secureConnect", () => {
      resolve(certificateFinding(new Date(socket.getPeerCertificate().valid_to), new Date()));
      socket.destroy();
    });
    socket.once("timeout", () => socket.destroy(new Error("no answer")));
    socket.once("error", reject);
  });
}

/** A code of `fetch`'s cause: its own words say "fetch failed". */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error && "code" in cause) return String(cause.code);
  return cause instanceof Error ? cause.name : "unknown";
}

/**
 * `/metrics`, `/healthz` and `/readyz`. The last two say no more than codes and are open: load balancers ask them. Metrics are for this machine; for
 * whoever shows the token of `--metrics-token-file`; and for operators, by session or token of any role.
 */
import { timingSafeEqual } from "node:crypto";
import { fail } from "@tributary/errors";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { gate } from "../access/authenticate.ts";
import { hashSecret } from "../access/secrets.ts";
import type { AccessParts } from "../access/serve.ts";
import { sessionDesk } from "../access/sessions.ts";
import type { Health, HealthDesk } from "./health.ts";
import type { CoordinatorMetrics } from "./metrics.ts";

export interface ObservationRoutes {
  readonly metrics: CoordinatorMetrics;
  readonly health: HealthDesk;
  /** What a scraper may show; undefined: none is good. */
  readonly metricsToken?: string | undefined;
}

/** Scrapes and guesses at tokens, a minute from one address. */
const perMinute = 120;

/** Counts what is answered from here on; routes that were there before count, too. */
export function serveObservation(
  app: FastifyInstance,
  { metrics, health, metricsToken }: ObservationRoutes,
  { table, insecureHttp }: Pick<AccessParts, "table" | "insecureHttp">,
): void {
  const doors = gate(table, sessionDesk(table), { insecureHttp });

  app.addHook("onResponse", async ({ routeOptions }, { statusCode, elapsedTime }) => {
    const { url, method } = routeOptions;
    metrics.answered(url === undefined ? undefined : `${method} ${url}`, statusCode, elapsedTime / 1000);
  });

  const answer = (reply: FastifyReply, said: Health) =>
    reply
      .header("cache-control", "no-store")
      .status(said.status === "ok" ? 200 : 503)
      .send(said);
  app.get("/healthz", (_request, reply) => answer(reply, health.alive()));
  app.get("/readyz", async (_request, reply) => answer(reply, await health.ready()));

  async function requireScraper(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (isOwnMachine(request)) return;
    doors.requirePrivate(request);
    const shown = /^Bearer (.{1,200})$/.exec(request.headers.authorization ?? "")?.[1];
    if (shown !== undefined && metricsToken !== undefined && isSame(shown, metricsToken)) return;
    if ((await doors.actor(request)) !== undefined) return; // viewers see everything that is here
    reply.header("www-authenticate", "Bearer");
    throw fail("TRB_ACCESS_REQUIRED");
  }

  const limited = { rateLimit: { max: perMinute, timeWindow: 60_000, allowList: isOwnMachine } };
  app.get("/metrics", { config: limited, onRequest: requireScraper }, async (_request, reply) => {
    reply.header("cache-control", "no-store").type(metrics.contentType);
    return metrics.text();
  });
}

/** Not what comes by a proxy on this machine for somebody elsewhere. */
function isOwnMachine({ ip, headers }: FastifyRequest): boolean {
  const passedOn = headers["x-forwarded-for"] !== undefined || headers["forwarded"] !== undefined;
  return !passedOn && /^(127\.|::1$|::ffff:127\.)/.test(ip);
}

const isSame = (shown: string, token: string): boolean =>
  timingSafeEqual(Buffer.from(hashSecret(shown)), Buffer.from(hashSecret(token)));

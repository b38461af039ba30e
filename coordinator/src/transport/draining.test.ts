/** What a server does between being told to stop and stopping. */
import { once } from "node:events";
import { errorTable, isTributaryError } from "@tributary/errors";
import Fastify, { type FastifyInstance } from "fastify";
import { io as connect } from "socket.io-client";
import { afterEach, expect, test } from "vitest";
import { watchDraining } from "./draining.ts";
import { socketServer } from "./sockets.ts";

let app: FastifyInstance;
afterEach(() => app.close());

/** A server with one route that answers when it is let, as an upload ends when its last octet is there. */
async function serving() {
  app = Fastify({ forceCloseConnections: true });
  app.setErrorHandler((error, _request, reply) => {
    const code = isTributaryError(error) ? error.code : "TRB_INTERNAL";
    return reply.status(errorTable[code].status).send({ code });
  });
  const draining = watchDraining(app);
  const [arrived, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  app.get("/slow", async () => {
    arrived.resolve();
    await release.promise;
    return "whole";
  });
  app.get("/healthz", async () => "alive");
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  return { draining, url, arrived: arrived.promise, letGo: release.resolve };
}

test("while a server drains, what has begun comes to its end and is waited for; what is new is refused, but for who looks after it", async () => {
  const { draining, url, arrived, letGo } = await serving();
  const begun = fetch(`${url}/slow`);
  await arrived;
  draining.begin();
  const refused = await fetch(`${url}/slow`);
  expect([refused.status, await refused.json(), refused.headers.get("connection")]).toEqual([
    503,
    { code: "TRB_COORDINATOR_STOPPING" },
    "close",
  ]);
  expect(await (await fetch(`${url}/healthz`)).text()).toBe("alive");
  expect(await draining.settled(50)).toBe(1);
  letGo();
  expect(await draining.settled(10_000)).toBe(0);
  expect(await (await begun).text()).toBe("whole");
});

test("a socket is let in until the server drains, and comes again by itself when it isn't", { timeout: 20_000 }, async () => {
  const { draining, url } = await serving();
  const io = socketServer(app.server, { admits: () => !draining.active() });
  const first = connect(url, { transports: ["websocket"], forceNew: true });
  await once(io, "connection");
  draining.begin();
  const second = connect(url, { transports: ["websocket"], forceNew: true, reconnectionDelay: 5, reconnectionDelayMax: 5 });
  const attempts: string[] = [];
  second.on("connect", () => attempts.push("in"));
  second.on("connect_error", () => attempts.push("refused"));
  while (attempts.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(attempts.slice(0, 3)).toEqual(["refused", "refused", "refused"]);
  first.disconnect();
  second.disconnect();
  io.engine.close();
});

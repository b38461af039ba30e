/** What stands in front of every route, where the connection is gone before it is asked. */
import { once } from "node:events";
import { fastify } from "fastify";
import { expect, onTestFinished, test } from "vitest";
import { protect } from "./protection.ts";

test("a connection that is reset before its request is looked at is nobody's error, and the next one is answered", async () => {
  const app = fastify();
  onTestFinished(() => app.close());
  const errors: unknown[] = [];
  const answered: string[] = [];
  app.setErrorHandler((error) => {
    errors.push(error);
    throw error;
  });
  app.addHook("onRequest", async ({ raw }) => {
    if (raw.url !== "/reset") return;
    raw.socket.resetAndDestroy();
    await once(raw.socket, "close");
  });
  await protect(app, { tls: false });
  app.get("/:name", async ({ url }) => {
    answered.push(url);
    return "there";
  });
  const origin = await app.listen({ port: 0, host: "127.0.0.1" });
  await expect(fetch(`${origin}/reset`)).rejects.toThrow();
  expect(await (await fetch(`${origin}/kept`)).text()).toBe("there");
  expect(errors).toEqual([]);
  expect(answered).toEqual(["/kept"]);
});

import { expect, test } from "vitest";
import { uploadTurns } from "./upload-turns.ts";

test("so many upload at a time; one more is told to come again, and has the place that comes free", async () => {
  const turns = uploadTurns({ most: 2, turn: 60_000 });
  const first = await turns.take("1.a", () => undefined);
  await turns.take("1.b", () => undefined);
  await expect(turns.take("1.c", () => undefined)).rejects.toMatchObject({ code: "TRB_COORDINATOR_BUSY", status: 503 });
  first.end();
  await turns.take("1.c", () => undefined);
  await expect(turns.take("1.a", () => undefined)).rejects.toMatchObject({ code: "TRB_COORDINATOR_BUSY" });
});

test("whoever has had a place for longer than its turn gives way, the longest first, and only when it has ended", async () => {
  const turns = uploadTurns({ most: 2, turn: 0 });
  const dismissed: string[] = [];
  const a = await turns.take("1.a", () => {
    dismissed.push("a");
    setTimeout(() => a.end(), 20);
  });
  await turns.take("1.b", () => dismissed.push("b"));
  const c = turns.take("1.c", () => undefined);
  expect(await Promise.race([c.then(() => "taken"), new Promise((resolve) => setTimeout(() => resolve("waits"), 5))])).toBe(
    "waits",
  );
  await c;
  expect(dismissed).toEqual(["a"]);
});

test("the newest request of an upload takes over from the one before, whose connection may be dead", async () => {
  const turns = uploadTurns({ most: 1, turn: 60_000 });
  let dismissed = 0;
  const old = await turns.take("1.a", () => {
    dismissed += 1;
    old.end();
  });
  const fresh = await turns.take("1.a", () => undefined);
  expect(dismissed).toBe(1);
  old.end(); // again, when its request comes to its end: the place is another's now
  await expect(turns.take("1.b", () => undefined)).rejects.toMatchObject({ code: "TRB_COORDINATOR_BUSY" });
  fresh.end();
  await turns.take("1.b", () => undefined);
});

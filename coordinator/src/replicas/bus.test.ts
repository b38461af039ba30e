/** The bus on a wire that shuffles, repeats and loses. */
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { until } from "../scripted-node.test-support.ts";
import { type Bus, openBus, type Wire } from "./bus.ts";

const log = pino({ level: "silent" });
const open: Bus[] = [];
afterEach(() => {
  for (const bus of open.splice(0)) bus.close();
});

/** A wire to one listener; what comes over it is held until `bring` is called. */
function heldWire() {
  const held: unknown[] = [];
  let hear: (frame: unknown) => void = () => {};
  const wire: Wire = {
    emit: (frame) => void held.push(frame),
    listen: (listener) => {
      hear = listener;
    },
  };
  /** Those that were said so-manieth, in this order. */
  const bring = (...places: readonly number[]) => {
    for (const place of places) hear(held[place]);
  };
  return { wire, bring, held };
}

function pair(patience: number) {
  const { wire, bring, held } = heldWire();
  const timing = { beatEvery: 1_000_000, patience };
  const speaker = openBus({ ...wire, listen: () => {} }, "a", log, timing);
  const listener = openBus(wire, "b", log, timing);
  open.push(speaker, listener);
  const heard: unknown[] = [];
  const missed: string[] = [];
  listener.on("word", (body, from) => void heard.push(`${from} ${String(body)}`));
  listener.onMissed((from) => void missed.push(from));
  return { speaker, listener, bring, held, heard, missed };
}

test("what comes out of order, and twice, is heard in order and once", () => {
  const { speaker, bring, heard, missed } = pair(60_000);
  for (const word of ["0", "1", "2", "3", "4"]) speaker.emit("word", word);
  bring(0, 3, 1, 3, 1, 4);
  expect(heard).toEqual(["a 0", "a 1"]);
  bring(2);
  expect(heard).toEqual(["a 0", "a 1", "a 2", "a 3", "a 4"]);
  expect(missed).toEqual([]);
});

test("what is lost is reported, and what follows is heard all the same; it is not heard if it comes after all", async () => {
  const { speaker, bring, heard, missed } = pair(50);
  for (const word of ["0", "1", "2", "3", "4"]) speaker.emit("word", word);
  bring(0, 2, 4);
  await until("both gaps are reported", () => missed.length === 2);
  expect(heard).toEqual(["a 0", "a 2", "a 4"]);
  bring(1, 3);
  await new Promise((resolve) => setTimeout(resolve, 150)); // three times as long as anything is waited for
  expect(heard).toHaveLength(3);
});

test("who listens anew doesn't wait for what was said before", () => {
  const { speaker, listener, bring, heard, missed } = pair(60_000);
  for (const word of ["0", "1", "2", "3"]) speaker.emit("word", word);
  bring(0, 2);
  listener.listenAnew();
  bring(3);
  expect([heard, missed]).toEqual([["a 0", "a 3"], []]);
});

test("of another process of the same name numbers begin anew, and a handler that throws stops nobody", () => {
  const { wire, bring } = heldWire();
  const timing = { beatEvery: 1_000_000, patience: 60_000 };
  const first = openBus({ ...wire, listen: () => {} }, "a", log, timing);
  const second = openBus({ ...wire, listen: () => {} }, "a", log, timing);
  const listener = openBus(wire, "b", log, timing);
  open.push(first, second, listener);
  const heard: unknown[] = [];
  listener.on("word", (body) => {
    heard.push(body);
    throw new Error("not for me");
  });
  first.emit("word", 1);
  first.emit("word", 2);
  second.emit("word", 3);
  bring(0, 1, 2);
  expect(heard).toEqual([1, 2, 3]);
});

test("a sign of life shows that the last frame before it was lost", async () => {
  const { wire, bring, held } = heldWire();
  const speaker = openBus({ ...wire, listen: () => {} }, "a", log, { beatEvery: 20, patience: 20 });
  const listener = openBus(wire, "b", log, { beatEvery: 1_000_000, patience: 20 });
  open.push(speaker, listener);
  const missed: string[] = [];
  listener.onMissed((from) => void missed.push(from));
  speaker.emit("word", "heard");
  speaker.emit("word", "lost");
  await until("a sign of life was given", () => held.length >= 3);
  bring(0, 2);
  await until("the loss is reported", () => missed.length === 1);
  expect(missed).toEqual(["a"]);
});

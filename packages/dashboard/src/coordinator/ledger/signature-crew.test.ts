/** Threads that verify signatures: shared evenly, started as needed, and nothing is lost with one that breaks. */
import { expect, test } from "vitest";
import { type SignatureThread, signatureCrew } from "./signature-crew.ts";
import type { AskedSignature } from "./signature-words.ts";

/** A thread that answers when the test says so: "valid" is what begins with 1. */
function crewOf(size: number) {
  const threads: { readonly asked: AskedSignature[]; ended: boolean; answer(): void; break(): void }[] = [];
  const here: string[] = [];
  const start = (): SignatureThread => {
    const asked: AskedSignature[] = [];
    let heard: Parameters<SignatureThread["listen"]> | undefined;
    const known = {
      ...{ asked, ended: false },
      answer() {
        for (const { number, signature } of asked.splice(0)) heard?.[0]({ number, valid: signature[0] === 1 });
      },
      break: () => heard?.[1](),
    };
    threads.push(known);
    return {
      ask: (question) => asked.push(question),
      listen: (...told) => {
        heard = told;
      },
      end: () => {
        known.ended = true;
      },
    };
  };
  const crew = signatureCrew(size, start, async ([first]) => {
    here.push("here");
    return first === 1;
  });
  const ask = (first: number) => crew.verify(Uint8Array.of(first), new Uint8Array(1), new Uint8Array(1));
  return { crew, threads, here, ask };
}

test("threads are started while all are busy, and what is asked is shared between them", async () => {
  const { threads, ask, here } = crewOf(3);
  const first = ask(1);
  expect(threads.length).toBe(1);
  threads[0]?.answer();
  expect(await first).toBe(true);
  const answers = [1, 0, 1, 1, 0, 0, 1].map(ask);
  expect(threads.map(({ asked }) => asked.length)).toEqual([3, 2, 2]);
  for (const { answer } of threads.toReversed()) answer();
  expect(await Promise.all(answers)).toEqual([true, false, true, true, false, false, true]);
  expect(here).toEqual([]);
});

test("what a thread that broke was asked is verified here, and the others go on; with none left, everything is", async () => {
  const { threads, ask, here } = crewOf(2);
  const answers = [1, 1, 0, 0].map(ask);
  threads[0]?.break();
  expect(threads[0]?.ended).toBe(true);
  threads[1]?.answer();
  expect(await Promise.all(answers)).toEqual([true, true, false, false]);
  expect(here.length).toBe(2);
  threads[1]?.break();
  expect(await ask(0)).toBe(false);
  expect(await ask(1)).toBe(true);
  expect([threads.length, here.length]).toEqual([2, 4]);
});

test("a crew that is closed has no threads, and starts none", async () => {
  const { crew, threads, ask } = crewOf(2);
  void ask(1);
  crew.close();
  expect(threads.map(({ ended }) => ended)).toEqual([true]);
  expect(await ask(1)).toBe(true);
  expect(threads.length).toBe(1);
});

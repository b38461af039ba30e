/** A thread of nodes' state machines, with a given vector in place of training and noise. */
import { createCipheriv } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import type { Answer } from "@tributary/model/workers";
import { wireFormOf } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { addVector } from "@tributary/secagg";
import { openSeats, type SeatResult } from "../scale/seats.ts";
import { rememberingCrypto } from "./remembering-crypto.ts";
import type { RoundAnswer, RoundThreadSetup, RoundWord } from "./round-words.ts";

const port = parentPort;
const { plan, seed, nodes, genesis, head } = workerData as RoundThreadSetup;
const dimension = plan.releases[0]?.dimension ?? 0;
const { coordinates } = wireFormOf(plan, 0);
const given = Uint32Array.from({ length: coordinates }, (_, i) => Math.imul(i, 0x9e37_79b1) >>> 12);
const { crypto, forget } = rememberingCrypto(nodeCrypto());
const seats = openSeats({ seed, population: { nodes } }, { genesis, head }, crypto, async () => given.slice());

async function obey(word: RoundWord): Promise<SeatResult> {
  if (word.type === "close") return {};
  if (word.type === "cipher") {
    for (let stream = 0; stream < word.streams; stream++) expand(stream, 4 * coordinates, word.givesBack);
    return {};
  }
  if (word.type === "plain") {
    const sum = new Uint32Array(dimension);
    for (let vector = 0; vector < word.vectors; vector++) addVector(sum, given.slice(0, dimension), 0);
    return { sum };
  }
  if (word.type === "rise") forget();
  return await seats.obey(word);
}

/** A stream in Node.js: the cipher over zeros that stay in the cache. It costs least when each buffer is given back at once. */
const zeros = Buffer.alloc(1 << 16);
function expand(stream: number, bytes: number, givesBack: boolean): void {
  const key = Buffer.alloc(32);
  key.writeUInt32LE(stream);
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  for (let done = 0; done < bytes; done += zeros.length) {
    const made = cipher.update(done + zeros.length <= bytes ? zeros : zeros.subarray(0, bytes - done));
    if (givesBack && made.buffer instanceof ArrayBuffer && made.byteLength === made.buffer.byteLength) made.buffer.transfer(0);
  }
}

let turn: Promise<void> = Promise.resolve();
port?.on("message", (word: RoundWord) => {
  turn = turn.then(async () => {
    const answer: Answer<RoundAnswer> = await obey(word).then(
      (result) => ({ result: { seats: result, cpu: cpuMilliseconds() } }),
      refusal,
    );
    port.postMessage(answer);
    if (word.type === "close") port.close();
  });
});

function cpuMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e3;
}

function refusal(error: unknown): Answer<RoundAnswer> {
  if (isTributaryError(error)) return { code: error.code, details: error.details };
  return { code: "TRB_TRAINING_THREAD_FAILED", details: { reason: error instanceof Error ? error.message : "unknown" } };
}

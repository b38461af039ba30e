/**
 * What is left of a round's secrets in a process's memory: of four nodes' secret keys and seeds, and of the keys of all streams of masks. Two ways to look:
 * a heap snapshot has every text that anything still refers to; the process's own pages (Linux: /proc/PID/mem) have every byte, garbage too.
 * docs/privacy/timing.md says what this shows, and what it doesn't.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { finding } from "../finding.ts";
import { type Secret, undisguised } from "./disguise.ts";

interface Told {
  readonly secrets: readonly Secret[];
  readonly control: Secret;
}

/** What of the secrets is found in the snapshot as text, and in memory as text and as bytes. */
interface Seen {
  readonly secrets: number;
  readonly referredTo: readonly string[];
  /** Undefined where memory can't be read. */
  readonly bytes: readonly string[] | undefined;
  readonly texts: readonly string[] | undefined;
}

const entry = fileURLToPath(new URL("round-in-memory.ts", import.meta.url));

test("a round's secrets are gone from memory when it is over, as far as JavaScript lets them go", {
  timeout: 600_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "tributary-memory-"));
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", entry, folder], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  try {
    const seen = new Map<string, Seen>();
    for await (const moment of createInterface({ input: child.stdout })) {
      seen.set(moment, lookInto(child, folder, moment));
      child.stdin.write("\n");
    }
    expect(await ended).toBe(0);
    const [before, masked, after] = [seen.get("before"), seen.get("masked"), seen.get("after")];
    if (before === undefined || masked === undefined || after === undefined) throw new Error("it did not stand still");
    finding(context, {
      what: "a heap snapshot while nodes hold a round's secrets (12 keys and seeds)",
      result: `${before.referredTo.length} of ${before.secrets} found`,
      held: before.secrets === 12 && before.referredTo.length === 12,
    });
    finding(context, {
      what: "a heap snapshot once the round is over (those, and the keys of all masks)",
      result: `${after.referredTo.length} of ${after.secrets} found${after.referredTo.length > 0 ? `: ${after.referredTo.join(", ")}` : ""}`,
      held: after.secrets > 12 && after.referredTo.length === 0,
    });
    // elsewhere than on Linux another process's memory can't be read without its help
    for (const [when, { bytes, texts, secrets }, mayStay] of [
      // OpenSSL has a copy of its own of an X25519 key that was read last, until the garbage collector lets go of it
      ["right after the last masks are on", masked, ["encryptionSecret", "maskSecret"]],
      ["once the round is over", after, []],
    ] as const) {
      if (bytes === undefined || texts === undefined) continue;
      finding(context, {
        what: `all of the process's writable memory, garbage too, ${when}: secrets as bytes`,
        result: `${bytes.length} of ${secrets} found${bytes.length > 0 ? `: ${bytes.join(", ")}` : ""}; ${texts.length} as texts, which can't be overwritten`,
        held: bytes.every((what) => mayStay.some((may) => may === what)),
      });
    }
  } finally {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});

function lookInto({ pid }: ChildProcess, folder: string, moment: string): Seen {
  const { secrets, control }: Told = JSON.parse(readFileSync(join(folder, "secrets.json"), "utf8"));
  const path = join(folder, `${moment}.heapsnapshot`);
  const snapshot = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const asBytes = (secret: Secret) => Buffer.from(undisguised(secret));
  const asText = (secret: Secret) => Buffer.from(asBytes(secret).toString("hex"), "ascii");
  const named = (found: readonly boolean[]) => secrets.filter((_, i) => found[i]).map(({ what }) => what);
  const needles = [...secrets.map(asBytes), ...secrets.map(asText), asBytes(control)];
  const found = pid === undefined ? undefined : searchMemory(pid, needles);
  if (found !== undefined && !found.at(-1)) throw new Error("not even what is held was found");
  return {
    secrets: secrets.length,
    referredTo: named(secrets.map((secret) => snapshot.includes(asText(secret)))),
    bytes: found && named(found.slice(0, secrets.length)),
    texts: found && named(found.slice(secrets.length, 2 * secrets.length)),
  };
}

/** Which of these stand in a process's writable pages. Undefined where there is no /proc. */
function searchMemory(pid: number, needles: readonly Buffer[]): boolean[] | undefined {
  if (!existsSync(`/proc/${pid}/mem`)) return undefined;
  const found = needles.map(() => false);
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const stretch = Buffer.alloc((1 << 22) + 64); // they overlap: nothing is cut in two
  try {
    for (const [, from = "", to = ""] of readFileSync(`/proc/${pid}/maps`, "utf8").matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)) {
      const end = Number.parseInt(to, 16);
      for (let at = Number.parseInt(from, 16); at < end; at += 1 << 22) {
        const read = readAt(memory, stretch, Math.min(stretch.length, end - at), at);
        for (const [i, needle] of needles.entries()) found[i] ||= stretch.subarray(0, read).includes(needle);
      }
    }
  } finally {
    closeSync(memory);
  }
  return found;
}

/** Pages that are mapped and can't be read are none (guards, devices). */
function readAt(file: number, into: Buffer, length: number, at: number): number {
  try {
    return readSync(file, into, 0, length, at);
  } catch {
    return 0;
  }
}

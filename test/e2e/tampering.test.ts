import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { changePolicy } from "@tributary/client";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandsInOneProcess, killAll, service, temporaryFolder } from "./processes.ts";
import { joinAll, type SmallFederation, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("tampering");
const { tributary, tributaryJson, close } = commandsInOneProcess();
let federation: SmallFederation;

beforeAll(async () => {
  federation = await smallFederation(folder.path, { merchants: 3, rounds: 2 });
  const { platform, planFile, catalogueFile, parts } = federation;
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
    ...["--port", "0", "--start-when", "3", "--until-done"],
  ]);
  await joinAll(federation, folder.path, String(coordinator.ready["url"]));
  const nodes = await Promise.all(
    parts.map(({ node }) => service(["node", "start", "--home", federation.home(node), "--until-done"])),
  );
  await Promise.all([coordinator, ...nodes].map((one) => one.exit));
}, 90_000);

afterAll(() => {
  close();
  killAll();
  folder.remove();
});

describe("a real ledger", () => {
  test("is self-consistent, but not fully verified, to somebody who knows no key", async () => {
    const verdict = await tributaryJson(["ledger", "verify", `${federation.platform}/ledger.jsonl`]);
    expect(verdict).toMatchObject({ verified: true, fullyVerified: false, trust: "unpinned", complete: true, entries: 4 });
  });

  test("is fully verified with the key and the head obtained elsewhere", async () => {
    const file = `${federation.platform}/ledger.jsonl`;
    const { head, key } = await tributaryJson(["ledger", "verify", file]);
    const verdict = await tributaryJson(["ledger", "verify", file, "--key", String(key), "--head", String(head)]);
    expect(verdict).toMatchObject({ verified: true, fullyVerified: true, trust: "pinned" });
  });

  test("does not verify, exit 4 and the entry named, after any one byte is changed", async () => {
    const bytes = readFileSync(`${federation.platform}/ledger.jsonl`);
    const lines = bytes.toString("latin1").split("\n");
    const starts = lines.slice(0, -1).map((_, place) => lines.slice(0, place).reduce((sum, line) => sum + line.length + 1, 0));
    const file = folder.file("changed.jsonl");
    for (const [entry, start] of starts.entries()) {
      const at = start + Math.floor((lines[entry]?.length ?? 0) / 2);
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(file, changed);
      const { exitCode, stderr } = await tributary(["ledger", "verify", file]);
      expect(exitCode).toBe(4);
      expect(stderr).toContain(`entry ${entry} `);
    }
  });

  test("names a public key by its own fingerprint", async () => {
    const { key } = await tributaryJson(["ledger", "verify", `${federation.platform}/ledger.jsonl`]);
    const own = nodeCrypto().sha256(Buffer.from(federation.plan.coordinatorKey, "hex"));
    expect(key).toBe(Buffer.from(own).toString("hex"));
  });
});

describe("a ledger's statement", () => {
  test("answers in one command what was spent, says what no file shows, and is a page in either language", async () => {
    const file = `${federation.platform}/ledger.jsonl`;
    const { key, head, epsilon } = await tributaryJson(["ledger", "verify", file]);
    const page = folder.file("statement.html");
    const pinned = ["--key", String(key), "--head", String(head)];
    const told = await tributaryJson(["ledger", "statement", file, "--html", page, "--language", "zh", ...pinned]);
    expect(told).toMatchObject({ epsilon, delta: "0.000001", total: null, html: page });
    expect(told["ledgers"]).toMatchObject([
      { statement: { verification: { fullyVerified: true, completeness: "proven" }, merchants: [{}, {}, {}] } },
    ]);
    expect(readFileSync(page, "utf8")).toContain("仅凭此文件无法验证的事项");
    const inWords = await tributary(["ledger", "statement", file]);
    expect(inWords.stdout).toContain("Not verifiable from this file");
    expect(inWords.stdout).toContain("that each node added its noise");
  });

  test("is refused, exit 4, of a ledger that doesn't verify: the entry and the rule are named, and no page is written", async () => {
    const text = readFileSync(`${federation.platform}/ledger.jsonl`, "utf8");
    const file = folder.file("understated.jsonl");
    writeFileSync(file, text.replace(/("kind":"round"[^\n]*"epsilon":")/, "$10.0"));
    const page = folder.file("never.html");
    const { exitCode, stderr } = await tributary(["ledger", "statement", file, "--html", page]);
    expect(exitCode).toBe(4);
    expect(stderr).toMatch(/TRB_STATEMENT_UNVERIFIED[\s\S]*entry 1 \(line 2\): TRB_LEDGER_/);
    expect(existsSync(page)).toBe(false);
  });
});

describe("the model of a federation", () => {
  const exported = () => folder.file("exported");
  const ledger = () => `${federation.platform}/ledger.jsonl`;

  beforeAll(async () => {
    await tributaryJson(["model", "export", "--home", federation.platform, "--out", exported()]);
  });

  /** The code with which a changed file is refused, with exit code 4. */
  async function verdictOn(file: string, change: (bytes: Buffer) => Uint8Array): Promise<string> {
    const changed = folder.file("changed.model");
    writeFileSync(changed, change(readFileSync(`${exported()}/${file}`)));
    const { exitCode, stdout } = await tributary(["model", "verify", changed, "--ledger", ledger(), "--json"]);
    expect(exitCode).toBe(4);
    return /TRB_[A-Z_]+/.exec(stdout)?.[0] ?? "none";
  }

  test("is exported with its optimiser's state and a card, and verifies in every form, the round's own file too", {
    timeout: 90_000,
  }, async () => {
    const { head, key, modelHash } = await tributaryJson(["ledger", "verify", ledger()]);
    const files = ["model.onnx", "model.safetensors"].map((name) => `${exported()}/${name}`);
    for (const file of [...files, `${federation.platform}/blobs/${modelHash}`]) {
      const pinned = ["--ledger", ledger(), "--plan", federation.planFile, "--key", String(key), "--head", String(head)];
      const verdict = await tributaryJson(["model", "verify", file, ...pinned]);
      expect(verdict).toMatchObject({ verified: true, fullyVerified: true, modelHash, round: 2, graph: "same" });
    }
    const optimiser = await tributaryJson(["model", "show", `${exported()}/optimiser.safetensors`]);
    expect(optimiser).toMatchObject({ metadata: { steps: "2" }, card: { round: 2, modelHash, ledgerHead: head } });
    expect(readFileSync(`${exported()}/modelcard.md`, "utf8")).toContain(String(modelHash));
  });

  test("has a certificate, in the coordinator's home, with every node and beside the export, that is checked without the ledger", {
    timeout: 90_000,
  }, async () => {
    const { key, modelHash } = await tributaryJson(["ledger", "verify", ledger()]);
    const certificate = readFileSync(`${exported()}/certificate.json`);
    expect(readFileSync(`${federation.platform}/certificates/${modelHash}.json`).equals(certificate)).toBe(true);
    for (const { node } of federation.parts) {
      const kept = readFileSync(`${federation.home(node)}/models/${modelHash}.certificate.json`);
      expect(kept.equals(certificate)).toBe(true);
    }
    const offline = ["--certificate", `${exported()}/certificate.json`, "--key", String(key)];
    for (const file of ["model.onnx", "model.safetensors"]) {
      const verdict = await tributaryJson(["model", "verify", `${exported()}/${file}`, ...offline]);
      expect(verdict).toMatchObject({
        verified: true,
        modelHash,
        round: 2,
        certificate: { ledger: { entries: 4 } },
        ledger: null,
      });
    }
    const identity = `${federation.platform}/keys/identity`;
    const own = ["--ledger", ledger(), "--key-file", identity, "--out", folder.file("own.json")];
    await tributaryJson(["model", "certify", `${exported()}/model.onnx`, ...own]);
    // the command says that it is another program, and signs that
    const said = (bytes: Buffer) => ({ ...JSON.parse(bytes.toString("utf8")), software: null, signature: null });
    expect(said(readFileSync(folder.file("own.json")))).toEqual(said(certificate));
  });

  test("is refused with a certificate that is altered, another model's, or by no key that is known: exit 4, a code each", {
    timeout: 120_000,
  }, async () => {
    const { key } = await tributaryJson(["ledger", "verify", ledger()]);
    const first = ["--home", federation.platform, "--round", "1", "--out", folder.file("first.json")];
    await tributaryJson(["coordinator", "certify", ...first]);
    const text = readFileSync(`${exported()}/certificate.json`, "utf8");
    writeFileSync(folder.file("altered.json"), text.replace('"unit":"customer"', '"unit":"node"'));
    const pinned = ["--key", String(key)];
    for (const [file, code, options] of [
      ["altered.json", "TRB_CERTIFICATE_SIGNATURE_INVALID", pinned],
      ["first.json", "TRB_CERTIFICATE_OTHER_MODEL", pinned],
      ["exported/certificate.json", "TRB_CERTIFICATE_KEY_UNPINNED", []],
    ] as const) {
      const given = ["--certificate", folder.file(file), ...options];
      const refused = await tributary(["model", "verify", `${exported()}/model.safetensors`, ...given]);
      expect([file, refused.exitCode, /TRB_[A-Z_]+/.exec(refused.stderr)?.[0]]).toEqual([file, 4, code]);
    }
  });

  test("of an earlier round can be had, and round 0 is the plan's", { timeout: 90_000 }, async () => {
    const { platform, plan } = federation;
    const first = await tributaryJson(["model", "export", "--home", platform, "--round", "0", "--out", folder.file("round-0")]);
    expect(first).toMatchObject({ round: 0, epsilon: "0", modelHash: plan.initialModelHash });
    expect(first["files"]).not.toContain("optimiser.safetensors");
    const none = await tributary(["model", "export", "--home", platform, "--round", "9", "--out", folder.file("round-9")]);
    expect(none.exitCode).toBe(2);
  });

  test("is refused, exit 4, with another weight, a card that claims less, a graph that computes something else, or its end cut off", {
    timeout: 90_000,
  }, async () => {
    const claiming = (from: string, to: string) => (bytes: Buffer) =>
      Buffer.from(bytes.toString("latin1").replace(from, to), "latin1");
    const weight = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]);
    expect(await verdictOn("model.safetensors", weight)).toBe("TRB_MODEL_HASH_MISMATCH");
    const modest = claiming('\\"round\\":2', '\\"round\\":1');
    expect(await verdictOn("model.safetensors", modest)).toBe("TRB_MODEL_CARD_CONTRADICTED");
    expect(await verdictOn("model.onnx", claiming('"round":2', '"round":1'))).toBe("TRB_MODEL_CARD_CONTRADICTED");
    expect(await verdictOn("model.onnx", claiming("Softmax", "Sigmoid"))).toBe("TRB_MODEL_ONNX_ALTERED");
    expect(await verdictOn("model.safetensors", (bytes) => bytes.subarray(0, -4))).toBe("TRB_MODEL_FILE_MALFORMED");
    expect(await verdictOn("model.onnx", (bytes) => bytes.subarray(0, -4))).toBe("TRB_MODEL_ONNX_MALFORMED");
    const other = folder.file("other-plan.json");
    writeFileSync(other, JSON.stringify({ ...federation.plan, federation: "other" }));
    const wrong = await tributary(["model", "verify", `${exported()}/model.onnx`, "--plan", other, "--ledger", ledger()]);
    expect(wrong).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("TRB_CLI_PLAN_OF_ANOTHER_LEDGER") });
  });

  test("tells a merchant which of a customer's events moved a prediction, and errors name no customer", {
    timeout: 90_000,
  }, async () => {
    const [part] = federation.parts;
    const { planFile, catalogueFile } = federation;
    const columns = "customer=customer,item=item,action=action,time=time";
    const log = ["--events", folder.file(`logs/${part?.node}.csv`), "--columns", columns, "--catalogue", catalogueFile];
    const asked = (customer: string) => [
      "model",
      "explain",
      "--model",
      `${exported()}/model.onnx`,
      "--plan",
      planFile,
      ...log,
      "--customer",
      customer,
    ];
    const strip = folder.file("strip.svg");
    const customer = part?.train.customers.find(
      (_, place) => (part.train.offsets[place + 1] ?? 0) - (part.train.offsets[place] ?? 0) > 2,
    );
    const told = await tributaryJson([...asked(String(customer)), "--out", strip]);
    const { events } = told as { events: { share: number; rollout: number }[] };
    expect(events.reduce((sum, { share }) => sum + Math.abs(share), 0)).toBeCloseTo(1, 6);
    expect(events.reduce((sum, { rollout }) => sum + rollout, 0)).toBeCloseTo(1, 6);
    expect(told).toMatchObject({ rank: 1, deletion: { highestFirst: expect.any(Number) } });
    expect(readFileSync(strip, "utf8")).toMatch(/^<svg [^>]*role="img"/);
    const refused = await tributary(asked("somebody-private"));
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("TRB_MODEL_EXPLANATION_INVALID") });
    expect(refused.stdout + refused.stderr).not.toContain("somebody-private");
  });
});

describe("a node's own limit", () => {
  test("below the plan's cost: the node refuses, exit 3, and says which code", async () => {
    const home = federation.home("merchant-1");
    await changePolicy({ home, maxEpsilon: 0.5 });
    const { exitCode, stdout } = await tributary(["node", "check", "--home", home, "--json"]);
    expect(exitCode).toBe(3);
    expect(stdout).toContain("TRB_POLICY_PLAN_ABOVE_LIMIT");
  });
});

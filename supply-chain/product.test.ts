/** The bill of materials of what is published, its native parts, and what an audit's answer amounts to. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PackageURL } from "packageurl-js";
import { expect, onTestFinished, test } from "vitest";
import { auditOf } from "./audit.ts";
import { installedPackages } from "./installed.ts";
import { closureOf, readLockfile } from "./lockfile.ts";
import { checkNativeParts, isMachineCode, nativePackages, nativeParts } from "./native-parts.ts";
import { faultsOfSbom, sbomOf } from "./sbom.ts";

const lockfile = readLockfile();
const installed = installedPackages();
const product = closureOf(lockfile, "packages/cli");
const bill = (sourceDateEpoch?: number): string => sbomOf(product, installed, { sourceDateEpoch });

interface Bill {
  readonly serialNumber: string;
  readonly metadata: { readonly timestamp?: string; readonly component: { readonly purl: string } };
  readonly components: readonly {
    readonly purl: string;
    readonly name: string;
    readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
    readonly licenses?: readonly unknown[];
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}
const read = (text: string): Bill => JSON.parse(text) as Bill;

test("the bill of materials is in order by CycloneDX's own schema, and one that is altered is not", async () => {
  expect(await faultsOfSbom(bill())).toEqual([]);
  expect(await faultsOfSbom(bill().replace('"type": "application"', '"type": "something"'))).not.toEqual([]);
});

test("names each package of the product by its URL, with its licence, the lockfile's hash in hexadecimal, and what it depends on", () => {
  const { components, dependencies, metadata } = read(bill());
  expect(metadata.component.purl).toMatch(/^pkg:npm\/tributary@/);
  expect(components.length).toBe(product.length - 1);
  expect(components.filter(({ licenses }) => licenses?.length !== 1).map(({ name }) => name)).toEqual([]);
  for (const { id, integrity } of product) {
    if (integrity === undefined) continue;
    const [, name = "", version = ""] = /^(.+)@(.+)$/.exec(id) ?? [];
    const component = components.find(({ purl }) => {
      const parsed = PackageURL.fromString(purl);
      return [parsed.namespace, parsed.name].filter(Boolean).join("/") === name && parsed.version === version;
    });
    const [hash] = component?.hashes ?? [];
    expect(hash?.alg, id).toBe("SHA-512");
    expect(`sha512-${Buffer.from(hash?.content ?? "", "hex").toString("base64")}`, id).toBe(integrity);
  }
  const refs = new Set(dependencies.map(({ ref }) => ref));
  expect(refs.size).toBe(product.length);
  expect(dependencies.flatMap(({ dependsOn = [] }) => dependsOn).filter((ref) => !refs.has(ref))).toEqual([]);
  expect(dependencies.find(({ ref }) => ref.startsWith("pkg:npm/tributary@"))?.dependsOn?.length).toBeGreaterThan(10);
});

test("is the same to the byte of the same lockfile; a time only where one is given, and then another serial number", () => {
  expect(bill()).toBe(bill());
  expect(read(bill()).metadata.timestamp).toBeUndefined();
  const dated = read(bill(1_700_000_000));
  expect(dated.metadata.timestamp).toBe("2023-11-14T22:13:20.000Z");
  expect(dated.serialNumber).not.toBe(read(bill()).serialNumber);
  for (const { serialNumber } of [dated, read(bill())])
    expect(serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("every package with machine code or WebAssembly is listed, whatever its files are called", { timeout: 60_000 }, () => {
  const parts = nativeParts(product, installed);
  expect(checkNativeParts(parts, product).wrong).toEqual([]);
  expect(new Set(parts.map(({ key }) => key))).toEqual(new Set(Object.keys(nativePackages)));
});

test("machine code in a file without a name's ending, and WebAssembly in a script, would be seen", () => {
  const folder = mkdtempSync(join(tmpdir(), "tributary-native-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin", "tool"), Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1));
  writeFileSync(join(folder, "index.js"), `module.exports = "${Buffer.from("\0asm\u0001\0\0\0").toString("base64")}";`);
  writeFileSync(join(folder, "plain.js"), "module.exports = 1;");
  writeFileSync(join(folder, "README.md"), "MZ");
  writeFileSync(join(folder, "short"), "M");
  const locked = product.find(({ name }) => name === "tweetnacl");
  const here = installed.get(locked?.id ?? "");
  if (locked === undefined || here === undefined) throw new Error("tweetnacl is no part of the product");
  const parts = nativeParts([locked], new Map([[locked.id, { ...here, folder }]]));
  expect(parts.map(({ file }) => file)).toEqual(["bin/tool", "index.js"]);
  expect(checkNativeParts(parts, [locked]).wrong).toContain(
    `${locked.id} has native parts, and supply-chain/native-parts.ts says nothing of it`,
  );
  expect(isMachineCode(Uint8Array.of(0x4d, 0x5a, 0x90, 0))).toBe(true);
});

test("an audit is clean only by an answer that is one: silence, an error and something else are unknown", () => {
  const answer = (advisories: object, vulnerabilities: object, dependencies = 400) =>
    auditOf(JSON.stringify({ advisories, metadata: { vulnerabilities, dependencies } }));
  const none = { info: 0, low: 0, moderate: 0, high: 0, critical: 0 };
  expect(answer({}, none)).toEqual({ name: "audit", looked: "400 dependencies, by the registry's advisories", wrong: [] });
  const advisory = {
    severity: "high",
    module_name: "b",
    vulnerable_versions: "<1.0.1",
    title: "It leaks",
    url: "https://x.example",
  };
  expect(answer({ 1: advisory }, { ...none, high: 1 }).wrong).toEqual(["high b <1.0.1 It leaks https://x.example"]);
  expect(answer({}, { ...none, high: 2 }).wrong).toEqual(["2 weaknesses, which the answer doesn't list"]);
  const refused = JSON.stringify({ error: { code: "ERR_PNPM_AUDIT_BAD_RESPONSE", message: "responded with 405" } });
  for (const odd of ["", "405 Method Not Allowed", "{}", "[]", "null", refused])
    expect({ odd, ...auditOf(odd) }).toMatchObject({ odd, looked: "nothing", unknown: expect.stringMatching(/./) });
  expect(auditOf(refused).unknown).toBe("responded with 405");
  expect(answer({}, none, 0).unknown).toBe("pnpm audit answered something that is no audit");
});

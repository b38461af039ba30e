/** The systemd units: systemd itself reads them where it is here, every command and flag in them exists, and none has lost its hardening. */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { program } from "tributary";
import { afterAll, describe, expect, test } from "vitest";

const folder = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const units = globSync("*.service", { cwd: folder }).sort();
const copies = mkdtempSync(join(tmpdir(), "tributary-units-"));
afterAll(() => rmSync(copies, { recursive: true, force: true }));

/** `section.key` → its values, in their order. */
function read(unit: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  let section = "";
  for (const line of readFileSync(join(folder, unit), "utf8").split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const header = /^\[(Unit|Service|Install)\]$/.exec(line);
    if (header) {
      section = header[1] ?? "";
      continue;
    }
    const [, key, value = ""] = /^([A-Z][A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (key === undefined) throw new Error(`${unit}: ${line}`);
    const name = `${section}.${key}`;
    settings.set(name, [...(settings.get(name) ?? []), value]);
  }
  return settings;
}

/** What keeps a program that somebody has taken over from the rest of the machine. */
const hardening = {
  ProtectSystem: "strict",
  ProtectHome: "yes",
  PrivateTmp: "yes",
  PrivateDevices: "yes",
  ProtectKernelTunables: "yes",
  ProtectKernelModules: "yes",
  ProtectControlGroups: "yes",
  NoNewPrivileges: "yes",
  CapabilityBoundingSet: "",
  RestrictNamespaces: "yes",
  RestrictSUIDSGID: "yes",
  LockPersonality: "yes",
  UMask: "0077",
  Restart: "on-failure",
  KillSignal: "SIGTERM",
};

/** The command that these words name, and the flags that it knows. */
function commandOf(words: readonly string[]): { readonly command: Command; readonly flags: string[] } {
  let command = program();
  const rest = [...words];
  for (let next = command; next; ) {
    const found = next.commands.find((one) => one.name() === rest[0]);
    if (found === undefined) break;
    rest.shift();
    command = found;
    next = found;
  }
  return { command, flags: rest.filter((word) => word.startsWith("--")) };
}

test("there is one for a coordinator, a node and a worker", () => {
  expect(units).toEqual(["tributary-coordinator.service", "tributary-node.service", "tributary-worker.service"]);
});

describe.each(units)("%s", (unit) => {
  const settings = read(unit);
  const one = (name: string) => settings.get(name)?.join("\n");

  test("is hardened, ends by SIGTERM in time, and has a user that isn't root", () => {
    for (const [key, value] of Object.entries(hardening)) expect([key, one(`Service.${key}`)]).toEqual([key, value]);
    const user = one("Service.User");
    expect(one("Service.DynamicUser") === "yes" || (user !== undefined && user !== "root")).toBe(true);
    expect(one("Service.StateDirectory")).toBeDefined();
    expect(one("Service.ReadWritePaths")).toBeUndefined();
    const drain = /--drain-seconds (\d+)/.exec(one("Service.ExecStart") ?? "")?.[1] ?? "20";
    expect(Number(one("Service.TimeoutStopSec"))).toBeGreaterThan(Number(drain) + 10);
  });

  test("starts a command that exists, with flags that it has, and all that it needs", () => {
    const [node, main = "", ...words] = (one("Service.ExecStart") ?? "").split(" ");
    expect(node).toBe("/usr/bin/node");
    expect(main).toBe("/opt/tributary/packages/cli/src/main.ts");
    expect(readFileSync(join(root, main.replace("/opt/tributary/", "")), "utf8")).toContain("tributary");
    const { command, flags } = commandOf(words);
    expect(`tributary-${words[0]}.service`).toBe(unit);
    const known = command.options.map(({ long }) => String(long));
    for (const flag of flags) expect(known).toContain(flag);
    const required = command.options.filter(({ mandatory }) => mandatory).map(({ long }) => String(long));
    // what isn't on the line is in the file of settings, which then must be there
    const missing = required.filter((flag) => !flags.includes(flag));
    const settingsFile = one("Service.EnvironmentFile") ?? "";
    expect(missing.length === 0 || !settingsFile.startsWith("-")).toBe(true);
    const asked = readFileSync(join(folder, unit), "utf8");
    for (const flag of missing) expect(asked).toContain(`TRIBUTARY_${flag.slice(2).replaceAll("-", "_").toUpperCase()}`);
  });

  const analyze = spawnSync("systemd-analyze", ["--version"]).error === undefined;
  test.runIf(analyze)("systemd finds nothing amiss", { timeout: 60_000 }, () => {
    const copy = join(copies, basename(unit));
    const text = readFileSync(join(folder, unit), "utf8");
    writeFileSync(copy, text.replaceAll("/usr/bin/node ", `${process.execPath} `)); // it has to be there
    const { stderr, stdout } = spawnSync("systemd-analyze", ["verify", "--man=no", copy], { encoding: "utf8" });
    const said = `${stdout}${stderr}`.split("\n").filter((line) => line.includes(basename(unit)));
    expect(said).toEqual([]);
  });
});

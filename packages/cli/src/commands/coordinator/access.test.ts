/** `tributary coordinator operator`, `token`, `invite --list` and `audit` on a home whose server is not running. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInvite } from "@tributary/coordinator";
import { makeCatalogue } from "@tributary/events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { joinedHome } from "../../../../../test/e2e/joined-home.ts";
import { say } from "../../said.test-support.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-access-commands-"));
const home = join(folder, "shop-platform");
beforeAll(async () => {
  await joinedHome(join(folder, "shop"), makeCatalogue(Array.from({ length: 20 }, (_, item) => ({ id: `item-${item}` }))));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const asked = async (...words: string[]) => JSON.parse(await say("coordinator", ...words, "--home", home, "--json"));

test("an account is made with a password that is shown once, or with the one in a file, and changed until it is gone", async () => {
  const made = await asked("operator", "add", "--name", "night-shift", "--role", "operator", "--reason", "it is night");
  expect(made).toEqual({
    name: "night-shift",
    role: "operator",
    password: expect.stringMatching(/^([a-z2-9]{4}-){5}[a-z2-9]{4}$/),
  });
  const file = join(folder, "password");
  writeFileSync(file, "correct horse battery\nand what follows\n");
  expect(await asked("operator", "add", "--name", "reader", "--role", "viewer", "--password-file", file)).toEqual({
    name: "reader",
    role: "viewer",
  });
  expect(await asked("operator", "password", "--name", "reader")).toMatchObject({
    name: "reader",
    password: expect.any(String),
  });
  await asked("operator", "role", "--name", "reader", "--role", "auditor");
  const { operators } = await asked("operator", "list");
  expect(operators.map(({ name, role }: { name: string; role: string }) => `${name} ${role}`)).toEqual([
    "night-shift operator",
    "reader auditor",
  ]);
  await asked("operator", "remove", "--name", "reader");
  await expect(asked("operator", "remove", "--name", "reader")).rejects.toMatchObject({ code: "TRB_ACCESS_OPERATOR_UNKNOWN" });
  await expect(asked("operator", "add", "--name", "Night Shift", "--role", "viewer")).rejects.toMatchObject({
    code: "TRB_CLI_BAD_OPTION",
  });
});

test("a token is shown once, listed by its public id, and revoked", async () => {
  const made = await asked("token", "create", "--name", "dashboard", "--role", "viewer", "--days", "30");
  expect(made.token.startsWith(`${made.id}_`)).toBe(true);
  const listed = await say("coordinator", "token", "list", "--home", home);
  expect(listed).toContain(made.id);
  expect(listed).not.toContain(made.token);
  expect(await asked("token", "revoke", "--id", made.id)).toEqual({ revoked: made.id });
  expect(await asked("token", "list")).toEqual({ tokens: [] });
});

test("invites are listed without their tokens, those that are used among them, and revoked", async () => {
  await createInvite(home, { node: "bookshop", url: "https://platform.example", hours: 1 });
  const { invites } = await asked("invite", "--list");
  expect(invites.map(({ node, used }: { node: string; used: boolean }) => ({ node, used }))).toEqual(
    expect.arrayContaining([
      { node: "shop", used: true },
      { node: "bookshop", used: false },
    ]),
  );
  const id = invites.find(({ node }: { node: string }) => node === "bookshop").id;
  expect(await asked("invite", "--revoke", id)).toEqual({ revoked: id, node: "bookshop" });
  await expect(asked("invite", "--revoke", id)).rejects.toMatchObject({ code: "TRB_ACCESS_INVITE_UNKNOWN" });
  await expect(asked("invite")).rejects.toMatchObject({ message: expect.stringContaining("--node") });
});

test("the audit says all of it in its order, by whom and why", async () => {
  const { operators } = await asked("audit");
  expect(
    operators.map(({ action, subject }: { action: string; subject: string }) => [action, subject.replace(/_.*/, "_")]),
  ).toEqual([
    ["add-operator", "night-shift"],
    ["add-operator", "reader"],
    ["change-password", "reader"],
    ["change-role", "reader"],
    ["remove-operator", "reader"],
    ["create-token", "trb_"],
    ["revoke-token", "trb_"],
    ["revoke-invite", "bookshop"],
  ]);
  expect(operators[0]).toMatchObject({ operator: "operator", reason: "it is night", role: "operator", entry: null });
  expect(await say("coordinator", "audit", "--home", home)).toMatch(/^entry +when +by +what +reason\nwaits /);
});

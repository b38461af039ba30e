/** The tree as data: what the reference page and the shells are told. */
import { expect, test } from "vitest";
import { outline } from "./program.ts";

test("every command is in the outline, with what a reader of its help sees", () => {
  const commands = outline();
  const [root] = commands;
  expect(root?.path).toBe("");
  expect(root?.verbs).toContain("demo");
  const join = commands.find(({ path }) => path === "node join");
  expect(join).toMatchObject({ usage: "tributary node join [options] <invite>", runs: true, verbs: [] });
  expect(join?.arguments).toMatchObject([{ name: "invite", required: true, variadic: false }]);
  expect(join?.options.find(({ long }) => long === "--home")).toMatchObject({
    ...{ value: "required", mandatory: true, environment: "TRIBUTARY_HOME" },
  });
  expect(join?.options.find(({ long }) => long === "--language")).toMatchObject({ choices: ["en", "zh"], initial: "en" });
  expect(join?.examples).toBe("Example:\n  tributary node join INVITE --home shop");
});

test("a noun that also does something by itself says so, and one that only waits for a verb doesn't", () => {
  const runs = Object.fromEntries(outline().map((command) => [command.path, command.runs]));
  expect(runs).toMatchObject({ "": false, node: false, simulate: true, "simulate scale": true, doctor: true });
});

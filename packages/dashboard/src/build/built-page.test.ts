/** Pages as they are built: once for the same sources, whoever asks, and made of files that a strict policy lets run. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { builtPage } from "./built-page.ts";

const patience = { timeout: 120_000 };

test("whoever asks at once gets the same folder, and so does whoever comes later", patience, async () => {
  const [first, second] = await Promise.all([builtPage("coordinator"), builtPage("coordinator")]);
  expect(second).toBe(first);
  expect(await builtPage("coordinator")).toBe(first);
  const left = readdirSync(join(first, "..")).filter((name) => name.startsWith(".building-coordinator-"));
  expect(left).toEqual([]);
});

test(
  "no script within the text, no address elsewhere, names that hold hashes, and what is compressed is the same",
  patience,
  async () => {
    const folder = await builtPage("coordinator");
    const html = readFileSync(join(folder, "index.html"), "utf8");
    expect(html).not.toMatch(/<script[^>]*>[^<]|<style|\son\w+=|(src|href)="(https?:)?\/\//);
    const files = readdirSync(join(folder, "assets"));
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) {
      expect(file).toMatch(/^[\w-]+-[\w-]{8}\.(js|css|svg)(\.br|\.gz)?$/);
      if (!/\.(js|css)$/.test(file)) continue;
      const content = readFileSync(join(folder, "assets", file));
      expect(brotliDecompressSync(readFileSync(join(folder, "assets", `${file}.br`))).equals(content)).toBe(true);
      expect(gunzipSync(readFileSync(join(folder, "assets", `${file}.gz`))).equals(content)).toBe(true);
      expect(content.toString()).not.toMatch(/@import|\beval\(/);
    }
  },
);

test("a page brings along the licences of what others wrote of it", patience, async () => {
  const text = readFileSync(join(await builtPage("coordinator"), "third-party-licences.md"), "utf8");
  for (const name of ["preact", "@preact/signals", "uplot"]) expect(text).toMatch(new RegExp(`^## .*${name} \\d`, "m"));
  expect(text).toContain("Copyright (c) 2015-present Jason Miller");
  expect(text).not.toMatch(/^## .*(vite|fastify) \d/m);
});

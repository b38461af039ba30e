import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCatalogue } from "@tributary/events";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { program } from "../../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-catalogue-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());
const at = (name: string) => join(folder, name);
writeFileSync(at("items.csv"), "sku,ean,what,color,size\nA-2,,Own cake,brown,\nA-1,6291041500213,Tea,green,L\n");

async function build(...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  await program().parseAsync(["catalogue", "build", "--items", at("items.csv"), "--out", at("out.jsonl"), ...words], {
    from: "user",
  });
  return printed.join("");
}

test("a merchant's file becomes a catalogue ascending by id, and a list of SKUs that imports take", async () => {
  const words = ["--columns", "gtin=ean,title=what,attributes=color+size", "--namespace", "shop"];
  const json = JSON.parse(await build(...words, "--sku-map-out", at("skus.csv"), "--json"));
  expect(parseCatalogue(readFileSync(at("out.jsonl"))).items).toEqual([
    { id: "gtin:06291041500213", title: "Tea", attributes: ["color:green", "size:L"] },
    { id: "shop:A-2", title: "Own cake", attributes: ["color:brown"] },
  ]);
  expect(readFileSync(at("skus.csv"), "utf8")).toBe("sku,id\nA-2,shop:A-2\nA-1,gtin:06291041500213\n");
  expect(json).toMatchObject({ rows: 2, items: 2, badRows: 0, with: { attributes: 2, price: 0 } });
});

test("a matrix beside the file has its rows in the file's order", async () => {
  const text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
  const head = Buffer.alloc(10);
  head.write("\x93NUMPY\x01\x00", "latin1");
  head.writeUInt16LE(118, 8);
  const numbers = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer);
  writeFileSync(at("vectors.npy"), Buffer.concat([head, Buffer.from(`${text.padEnd(117)}\n`), numbers]));
  await build("--features", at("vectors.npy"), "--gtin", "--namespace", "shop");
  expect(parseCatalogue(readFileSync(at("out.jsonl"))).items.map(({ id, features }) => [id, features])).toEqual([
    ["gtin:06291041500213", [3, 4]],
    ["shop:A-2", [1, 2]],
  ]);
});

test("bad rows are listed on request, with line and column; what is no option is refused", async () => {
  writeFileSync(at("items.csv"), 'sku,price\nA-1,1\nA-2,"1,50"\n,2\n');
  expect(await build("--rejects", at("bad.csv"))).toMatch(/left out +2\n/);
  const lines = readFileSync(at("bad.csv"), "utf8").split("\n");
  expect(lines[1]).toContain(',3,price,TRB_EVENTS_CATALOGUE_FIELD_INVALID,"a price is');
  expect(lines[2]).toContain(",4,sku,TRB_EVENTS_CATALOGUE_FIELD_INVALID");
  await expect(build()).rejects.toMatchObject({ code: "TRB_EVENTS_CATALOGUE_FIELD_INVALID" });
  await expect(build("--namespace", "A:B")).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
  await expect(build("--columns", "colour=x")).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
});

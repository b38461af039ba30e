/** The dear commands of documents, with the small sizes that stand in the comments above their blocks (`docs/commands/blocks.ts`). */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { writeCatalogue, writeCsv } from "@tributary/events";
import { syntheticMarket } from "@tributary/simulate";
import { afterAll, expect, test } from "vitest";
import { documentedBlocks, runBlocks, runLines } from "./documented-commands.ts";
import { joinedHome } from "./joined-home.ts";
import { root, temporaryFolder } from "./processes.ts";

const folder = temporaryFolder("documented");
afterAll(() => folder.remove());

test("the dear commands of all documents run, in small", { timeout: 3_600_000 }, async () => {
  const scene = folder.file("scene");
  mkdirSync(scene);
  const { catalogue, histories } = syntheticMarket({ seed: 5, customers: 600, items: 40 });
  await writeCatalogue(`${scene}/catalogue.jsonl`, catalogue);
  await writeCsv(`${scene}/events.csv`, histories, catalogue);
  const [, ...rows] = readFileSync(`${scene}/events.csv`, "utf8").split("\n");
  writeFileSync(`${scene}/events.csv`, ["user,item,action,ts", ...rows].join("\n"));
  cpSync(`${root}/examples`, `${scene}/examples`, { recursive: true });
  await joinedHome(`${scene}/shop`, catalogue);
  const columns = "customer=user,item=item,action=action,time=ts";
  const planned = [
    "plan",
    "new",
    "--home",
    "platform",
    "--catalogue",
    "catalogue.jsonl",
    "--customers",
    "600",
    "--merchants",
    "3",
  ];
  await runLines([
    { folder: scene, words: ["node", "import", "events.csv", "--home", "shop", "--columns", columns] },
    { folder: scene, words: [...planned, "--rounds", "2", "--out", "plan.json"] },
  ]);
  const { ran, faults } = await runBlocks(
    { folder: scene, known: {} },
    documentedBlocks.filter((block) => block.class === "long"),
  );
  expect(faults).toEqual([]);
  expect(ran).toBeGreaterThan(20);
});

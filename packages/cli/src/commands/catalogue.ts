/** `tributary catalogue …`: the public list of items that a plan is bound to. */
import { Command } from "commander";
import { addBuild } from "./catalogue/build.ts";
import { addMerge } from "./catalogue/merge.ts";

export function catalogueCommand(): Command {
  const catalogue = new Command("catalogue").description("the public items of a federation, from the merchants' own files");
  addBuild(catalogue);
  addMerge(catalogue);
  return catalogue;
}

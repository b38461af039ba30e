/** `--language`: in which language customers are told of a plan. */
import { planLanguages } from "@tributary/protocol";
import { Option } from "commander";

export const languageOption = (): Option =>
  new Option("--language <language>", "of the paragraph for customers").choices([...planLanguages]).default("en");

/** `--language`: in which language a plan is said. */
import { planLanguages } from "@tributary/protocol";
import { Option } from "commander";

export const languageOption = (): Option =>
  new Option("--language <language>", "of what is said of the plan").choices([...planLanguages]).default("en");

/** Where a coordinator keeps its federation: the same two flags at every command of the platform's. */
import { type Command, Option } from "commander";

export interface PlaceFlags {
  readonly home: string;
  readonly databaseUrl?: string;
}

export const databaseUrlOption = (): Option =>
  new Option(
    "--database-url <url>",
    "the replicas' PostgreSQL, instead of a database in the home; one with a password belongs in TRIBUTARY_DATABASE_URL, not on the command line",
  );

export const addPlaceOptions = (command: Command): Command =>
  command
    .requiredOption("--home <folder>", "the coordinator's folder; of several replicas, one's own")
    .addOption(databaseUrlOption());

/** A log that somebody names: which column is which, guessed from what it holds, shown, and asked where no guess is possible. */
import { existsSync } from "node:fs";
import { previewEvents } from "@tributary/client";
import type { LogPreview } from "@tributary/events/ingest";
import type { Question } from "./questions.ts";
import type { Screen } from "./screen.ts";
import type { InitWords } from "./words.ts";

export interface LogAnswers {
  /** Empty: none, or later. */
  readonly log: string;
  /** `customer=NAME,item=NAME,…`; empty where the log is of a well-known shape. */
  readonly columns: string;
}

export function logQuestions<Answers extends LogAnswers>(words: InitWords, about: string) {
  const hasLog = ({ log }: Partial<Answers>) => log !== undefined && log !== "";
  const log: Question<Answers, string> = {
    flag: "--log FILE",
    usual: () => "",
    ask: (screen) => screen.text(about, "", (text) => (text === "" || existsSync(text) ? undefined : words.noFile)),
  };
  const columns: Question<Answers, string> = {
    flag: "--columns customer=NAME,item=NAME,action=NAME,time=NAME",
    applies: hasLog,
    usual: async ({ log: file = "" }) => {
      const preview = await previewEvents({ source: file });
      return preview.missing.length === 0 ? columnsOf(preview) : undefined;
    },
    ask: ({ ...screen }, { log: file = "" }) => askColumns(screen, words, file),
  };
  return { log, columns };
}

async function askColumns(screen: Screen, words: InitWords, file: string): Promise<string> {
  let preview = await previewEvents({ source: file });
  const columns: Record<string, string> = { ...preview.columns };
  for (const role of preview.missing) {
    const taken = Object.values(columns);
    const free = preview.existing.filter((name) => !taken.includes(name)).map((name) => ({ value: name, label: name }));
    columns[role] = await screen.choose(words.whichColumn(roleName(words, role)), free);
  }
  if (preview.missing.length > 0) preview = await previewEvents({ source: file, columns });
  screen.note(words.looked, previewed(words, preview));
  if (await screen.confirm(words.columnsRight, true)) return columnsOf(preview);
  return screen.text(words.columns, columnsOf(preview), (text) =>
    /^\w+=[^,]+(,\w+=[^,]+)*$/.test(text) ? undefined : words.columns,
  );
}

const columnsOf = ({ preset, columns }: LogPreview) =>
  preset === null
    ? Object.entries(columns)
        .map(([role, name]) => `${role}=${name}`)
        .join(",")
    : "";

const roleName = (words: InitWords, role: string): string => (words.roles as Readonly<Record<string, string>>)[role] ?? role;

/** Columns, and the first rows as they are understood. */
function previewed(words: InitWords, preview: LogPreview): string[] {
  return [
    ...Object.entries(preview.columns).map(([role, name]) => `${name} → ${roleName(words, role)}`),
    "",
    ...preview.rows
      .slice(0, 3)
      .map((row) => [row.customer, row.item, row.action ?? "", row.time ?? "", row.dropped ?? ""].join("  ").trimEnd()),
  ];
}

/** The options by which an import reads the log so. */
export async function importFlags(file: string, columns: string): Promise<string> {
  const named = Object.fromEntries(columns.split(",").flatMap((pair) => (pair.includes("=") ? [pair.split("=", 2)] : [])));
  return (await previewEvents({ source: file, columns: named })).flags.join(" ");
}

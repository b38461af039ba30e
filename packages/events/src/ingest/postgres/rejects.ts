/** The rejects file of a log that was cleaned in PostgreSQL; `ingest/rejects.ts` says what stands in it. */
import { chmodSync, createWriteStream, writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fail, isTributaryError } from "@tributary/errors";
import { dropReasons } from "../../cleaning/drop-reasons.ts";
import { systemErrorCode } from "../../reading/file-bytes.ts";
import type { Session } from "./session.ts";
import { rejectedQuery } from "./statements.ts";

/** @throws TRB_EVENTS_FILE_UNWRITABLE */
export async function writeRejects(session: Session, path: string): Promise<void> {
  try {
    writeFileSync(path, "reason,file,row,customer,item,action,time,line\n", { mode: 0o600 });
    chmodSync(path, 0o600); // a file that was there keeps its mode
    await pipeline(Readable.from(lines(session)), createWriteStream(path, { flags: "a" }));
  } catch (error) {
    if (isTributaryError(error)) throw error;
    throw fail("TRB_EVENTS_FILE_UNWRITABLE", { file: path, reason: systemErrorCode(error) }, error);
  }
}

async function* lines(session: Session): AsyncGenerator<string> {
  for await (const rows of session.stream(rejectedQuery)) {
    yield rows
      .map(([reason, place, ...texts]) => {
        const fields = [dropReasons[Number(reason)] ?? "", session.source, String(place), ...texts.map(String), ""];
        return `${fields.map(csvField).join()}\n`;
      })
      .join("");
  }
}

/** Quoted where RFC 4180 asks for it. */
const csvField = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

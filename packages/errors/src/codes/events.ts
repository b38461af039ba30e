import { defineErrors } from "../define.ts";

/** Room 1. Places: `{file}` is a path, `{line}` counts from 1. Customer ids never stand in a message. */
export const eventsErrors = defineErrors({
  TRB_EVENTS_FILE_NOT_FOUND: {
    message: "There is no file {file}.",
    advice: "Check the path; relative paths start at the folder where the command runs.",
    status: 404,
    exitCode: 2,
  },
  TRB_EVENTS_FILE_UNREADABLE: {
    message: "{file} can't be read: {reason}.",
    advice: "Give a regular file that this user may read, and --encoding where it is not UTF-8.",
    status: 400,
    exitCode: 1,
  },
  TRB_EVENTS_FILE_UNWRITABLE: {
    message: "{file} can't be written: {reason}.",
    advice: "Give a path in a folder that exists, where this user may write and the disk has room.",
    status: 500,
    exitCode: 1,
  },
  TRB_EVENTS_FILE_DAMAGED: {
    message: "{file} is damaged: {reason}.",
    advice: "Copy or export the file again; what was imported before is still there.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_NO_ROOM: {
    message: "The import ran out of room: {reason}.",
    advice:
      "Free space on the disk of the node's home (of TMPDIR, where there is none, as in a dry run); what was imported before is still there.",
    status: 507,
    exitCode: 1,
  },
  TRB_EVENTS_BAD_QUERY: {
    message: "The query can't be run: {reason}.",
    advice: "Try it in the database's own shell. It is one SELECT whose columns hold customer, item, action and time.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_SOURCE_UNAVAILABLE: {
    message: "{source} can't be queried: {reason}.",
    advice: "Export the query's result as CSV or Parquet and import that file.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_SOURCE_REFUSED: {
    message: "{source} refuses: {reason}.",
    advice:
      "Check the user, the password or token, and its rights; secrets are read from files or the environment, see docs/importing.md.",
    status: 401,
    exitCode: 1,
  },
  TRB_EVENTS_SOURCE_UNREACHABLE: {
    message: "{source} can't be reached: {reason}.",
    advice:
      "Check host and port, that a firewall lets this machine through, and that it is running; then run the import again.",
    status: 502,
    exitCode: 1,
  },
  TRB_EVENTS_SOURCE_LOST: {
    message: "The connection to {source} broke while it was read.",
    advice: "Run the import again; what was imported before is still there.",
    status: 502,
    exitCode: 1,
  },
  TRB_EVENTS_SOURCE_FAILED: {
    message: "{source} failed: {reason}.",
    advice: "Ask who runs it; then run the import again. What was imported before is still there.",
    status: 502,
    exitCode: 1,
  },
  TRB_EVENTS_SOURCE_NO_TEMPORARY: {
    message: "{source} makes no temporary tables: {reason}.",
    advice:
      "Have it allowed (GRANT TEMPORARY ON DATABASE … TO …), and name the primary server instead of a standby; or export the query's result as Parquet and import that.",
    status: 403,
    exitCode: 1,
  },
  TRB_EVENTS_SOURCE_ALONE: {
    message: "{source} is cleaned where it is, and can't be one log with other sources.",
    advice: "Import it alone, or export its rows as Parquet and import all the files together.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_BAD_ADDRESS: {
    message: "{source} is not asked: {reason}.",
    advice:
      "Give the API's own https address, and its token by --http-token-file; answers that lead to another server are refused.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_PAGE_INVALID: {
    message: "A page of {source} can't be read: {reason}.",
    advice:
      "Look at one page yourself, then say where its items stand (--page-items data.items) and where the next page is named (--page-next paging.next).",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_PAGE_REPEATED: {
    message: "Page {page} of {source} leads to a page that was there before.",
    advice:
      "Check --page-next, --page-parameter and --page-number: the API seems to ignore the parameter, or its cursors go in a circle.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_BAD_TIME_ZONE: {
    message: "There is no time zone {zone}.",
    advice: "Give a name of the IANA time zone database, such as Europe/Berlin or UTC.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_BAD_TIME_FORMAT: {
    message: "{format} is no format of times.",
    advice: "Write it as strptime does, for example %d.%m.%Y %H:%M:%S.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_TIME_FORMAT_UNSUPPORTED: {
    message: "PostgreSQL can't be made to read times of the format {format}.",
    advice:
      "Use the day, month, year, time of day, fractions, names and offsets (%d %m %Y %H %M %S %f %b %B %p %z), or make the column a timestamp in the query.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_EMPTY: {
    message: "{file} holds no events.",
    advice: "Export the log again; it needs a header line and at least one event (CSV), or one event a line (JSONL).",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_UNKNOWN_COLUMN: {
    message: "{file} has no column {column} for the {role}; it has: {existing}.",
    advice: "Name the columns: --columns customer=NAME,item=NAME,action=NAME,time=NAME (action may be left out).",
    status: 422,
    exitCode: 2,
  },
  TRB_EVENTS_NO_HEADER: {
    message: "The first line of {file} is not a header: there stand values where the columns' names belong.",
    advice:
      "Put a line with the columns' names on top of the file, such as user,item,action,ts, and name them with --columns; lines of JSON are read with --format jsonl.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_MALFORMED_CSV: {
    message: "{file} is not readable as CSV at line {line}: {reason}.",
    advice: "Look for a quotation mark that is never closed at or before that line, and check --delimiter.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_SEQUENCE_INVALID: {
    message: "Line {line} of {file} is not a sequence: {reason}.",
    advice: "Each line holds a user's number and the numbers of its items in time order, separated by spaces.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_BAD_DELIMITER: {
    message: "A delimiter of {characters} characters can't be used.",
    advice: "Give one character, for example , or ; or a tab.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_LINE_TOO_LONG: {
    message: "Line {line} of {file} is longer than {limit} bytes.",
    advice: "Check that the file is a log with one event a line, with line ends and no quotation mark left open.",
    status: 413,
    exitCode: 1,
  },
  TRB_EVENTS_BAD_TIMESTAMP: {
    message: "No time in {file} can be read; the first is at line {line}, column {column} (field {field}): {text}.",
    advice:
      "Name the column that holds the time; it may be Unix seconds, Unix milliseconds or ISO 8601, such as 2024-05-01T10:00:00Z.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_NOTHING_LEFT: {
    message: "None of the {rows} events in {file} is left after cleaning ({reasons}).",
    advice: "Check which column is which, the action names, and that the catalogue belongs to this log.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_TOO_FEW_CUSTOMERS: {
    message: "Too few customers: {customers}, and at least {least} are needed.",
    advice: "Give a log of more customers, or check that the customer column is the right one.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_SELECTION_INVALID: {
    message: "A selection of customers must hold indices below {customers}, strictly ascending; position {position} does not.",
    advice: "Sort the indices and leave out repetitions.",
    status: 400,
    exitCode: 1,
  },
  TRB_EVENTS_SPLIT_INVALID: {
    message: "A log can't be split into {parts} parts.",
    advice: "Give a whole number of parts, at least 1.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_FOLDS_INVALID: {
    message: "Cross-validation can't be made with {folds} folds.",
    advice: "Give a whole number of folds, at least 2.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_CUT_INVALID: {
    message: "A log can't be cut at the time {cut}.",
    advice: "Give the moment in Unix seconds.",
    status: 400,
    exitCode: 2,
  },
  TRB_EVENTS_ITEM_NOT_IN_CATALOGUE: {
    message: "Histories name item number {item}, but the catalogue has {items} items.",
    advice: "Use the catalogue that the log was imported with.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_STORE_VERSION: {
    message: "The stored histories have format version {version}; this program reads version {supported}.",
    advice: "Import the log again, or run the program version that stored it.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_STORE_CORRUPT: {
    message: "The stored histories are damaged: {reason}.",
    advice: "Import the log again.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_CATALOGUE_EMPTY: {
    message: "The catalogue {file} lists no items.",
    advice: 'Give JSONL, one item a line: {"id":"…","title":"…","category":"…"}; only id is needed.',
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_CATALOGUE_INVALID: {
    message: "Line {line} of the catalogue {file} is not an item: {reason}.",
    advice: "Each line is one JSON object with id, and optionally title, category, brand, price and attributes.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_CATALOGUE_DUPLICATE_ITEM: {
    message: "The catalogue {file} lists item {item} again at line {line}.",
    advice: "List each item once.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_CATALOGUE_COLUMN_UNKNOWN: {
    message: "{file} has no column {column} for its items; it has: {existing}.",
    advice: "Name the columns: --columns id=NAME,title=NAME,category=NAME,brand=NAME,price=NAME,attributes=NAME+NAME.",
    status: 422,
    exitCode: 2,
  },
  TRB_EVENTS_CATALOGUE_FIELD_INVALID: {
    message: "{file}, line {line}, column {column}: {reason}.",
    advice: "Correct that row, or leave such rows out and have them listed with --rejects FILE.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_SKU_MAP_INVALID: {
    message: "{file}, line {line}, column {column}: {reason}.",
    advice: "Give a file with the columns sku and id, one row a SKU; `tributary catalogue build --sku-map-out` writes one.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_CATALOGUE_ATTRIBUTES_INVALID: {
    message: "The attributes file {file} can't be used: {reason}.",
    advice: 'Give JSON {"item id": ["attribute", …]}, or JSONL with one {"id": …, "attributes": […]} a line.',
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_FEATURES_INVALID: {
    message: "The feature file {file} can't be used: {reason}.",
    advice:
      "Give .npy (float32 or float64, C order, one row an item in the catalogue's order) or Parquet (an id column and a list column, or an id column and number columns).",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_FEATURES_ROWS: {
    message: "The feature file {file} has {rows} rows, and the catalogue has {items} items.",
    advice: "Write one row for each item, in the catalogue's order, or use Parquet, where rows are matched by item id.",
    status: 422,
    exitCode: 1,
  },
  TRB_EVENTS_FEATURES_NOT_FINITE: {
    message: "In the feature file {file}, item number {item} has no finite number in column {column}.",
    advice: "Replace NaN and infinity before writing the file; an item without a vector may have zeros.",
    status: 422,
    exitCode: 1,
  },
});

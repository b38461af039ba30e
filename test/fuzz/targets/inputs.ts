/** What people and programs give us by hand: options of the command line, JSON files, addresses, lists, bodies of requests to the serving API and the page. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as page from "@tributary/protocol";
import { type Command, CommanderError, type Option } from "commander";
import { parseBody } from "../../../client/src/serving/refusals.ts";
import * as bodies from "../../../client/src/serving/words.ts";
import { coordinatorLog } from "../../../coordinator/src/observe/logging.ts";
import { openBus } from "../../../coordinator/src/replicas/bus.ts";
import { parseBetween, parseEvery } from "../../../coordinator/src/rounds/calendar.ts";
import { postgresAddress } from "../../../coordinator/src/storage/postgres.ts";
import { parseReleases } from "../../../packages/cli/src/commands/account/releases.ts";
import { parseStages } from "../../../packages/cli/src/course-options.ts";
import { customerList } from "../../../packages/cli/src/customer-list.ts";
import { jsonFault } from "../../../packages/cli/src/json-fault.ts";
import { secondsOf } from "../../../packages/cli/src/metrics-options.ts";
import { program } from "../../../packages/cli/src/program.ts";
import type { Choices } from "../engine/choices.ts";
import { editBytes, editJson } from "../engine/edits.ts";
import { ownFolder } from "../engine/own-folder.ts";
import { jsonIn, lenientText, must, type Target, textBytes, verdictOf } from "../engine/target.ts";

/** Every option of every command that reads its text itself. */
const options: readonly { readonly command: string; readonly option: Option }[] = commandsBelow(program()).flatMap((command) =>
  command.options.filter(({ parseArg }) => parseArg !== undefined).map((option) => ({ command: command.name(), option })),
);

function commandsBelow(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(commandsBelow)];
}

const texts = [
  ...[
    "0.1,1,8",
    "noise=1,sampling-rate=0.1,steps=100,mechanism=gaussian",
    "20,10@0.5,10@0.25*0.3",
    "30m",
    "01:00-05:00",
    "2024-05-01",
  ],
  ...["customer=user,item=item,time=ts", "1e-6", "8", "any", "none", "hr10,ndcg10", "postgres://u:p@host:5432/db?schema=x"],
];

const commandLine: Target = {
  ...{ name: "inputs-options", parses: "values of options, of every command", longest: 512 },
  dictionary: [
    "noise=",
    "sampling-rate=",
    "steps=",
    "customer=",
    "item=",
    "@",
    "*",
    "1e400",
    "NaN",
    "Infinity",
    "-0",
    "1e-320",
    "__proto__",
    "toString",
  ],
  seeds: () => texts.map((text, place) => new Uint8Array([place, 0, ...textBytes(text)])),
  structured: (choices) =>
    new Uint8Array([choices.below(256), choices.below(2), ...editBytes(textBytes(choices.of(texts)), choices, 3)]),
  fuzz(bytes) {
    const place = (bytes[0] ?? 0) + 256 * ((bytes[1] ?? 0) % 2);
    const chosen = options[place % options.length]?.option;
    const text = lenientText(bytes.subarray(2));
    verdictOf(() => parseReleases(text));
    verdictOf(() => parseStages(text));
    verdictOf(() => parseBetween(text));
    verdictOf(() => parseEvery(text));
    verdictOf(() => secondsOf("--until", text));
    verdictOf(() => postgresAddress(text));
    if (chosen?.parseArg === undefined) return;
    try {
      chosen.parseArg(text, chosen.defaultValue);
    } catch (error) {
      if (!(error instanceof CommanderError)) verdictOf(() => rethrow(error)); // commander's own refusals become ours
    }
  },
};

function rethrow(error: unknown): never {
  throw error;
}

const json = '{"a":[1,-0.5e3,true,null,"\\u00e9\\n"],"b":{"a":{}},"":""}';
const jsonFiles: Target = {
  ...{ name: "inputs-json", parses: "where JSON stops being JSON", longest: 4096 },
  dictionary: ["\\u0000", "\\ud800", "1e5", "-0", "true", "null", "[[", '{"a":'],
  seeds: () => [textBytes(json), textBytes('{"a":1,"a":2}'), textBytes("[1,"), textBytes("[".repeat(400))],
  structured: (choices) => editBytes(textBytes(JSON.stringify(editJson(JSON.parse(json), choices)) ?? ""), choices, 2),
  fuzz(bytes) {
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    const fault = jsonFault(text);
    const parses = jsonIn(bytes) !== undefined;
    const deep = (/[[{]/g[Symbol.match](text)?.length ?? 0) > 400;
    if (!deep) must(fault?.repeated !== undefined || parses === (fault === undefined), "JSON is what JSON.parse takes for it");
    if (fault !== undefined) must(fault.line >= 1 && fault.column >= 1, "a fault stands somewhere");
  },
};

const folder = ownFolder("inputs");
const lists: Target = {
  ...{ name: "inputs-lists", parses: "lists of customers", longest: 1024 },
  seeds: () => ["c1\nc2\n", "c1\r\n\r\nc2", "é\n"].map(textBytes),
  fuzz(bytes) {
    const path = join(folder, "customers.txt");
    writeFileSync(path, bytes);
    const read = verdictOf(() => customerList("--file", path));
    if ("value" in read)
      must(
        read.value.every((id) => id !== "" && !id.includes("\n")),
        "ids are of one line",
      );
  },
};

const schemas = [
  ...[bodies.recommendBody, bodies.nextActionBody, bodies.churnBody, bodies.adsBody, bodies.explainBody, bodies.eventsBody],
  ...[page.pagePolicyBody, page.pagePolicySaveBody, page.pageCustomerBody, page.pageCustomersBody, page.pageExplainBody],
  ...[page.pageSessionBody, page.pageAdvertsBody],
];
const requests = [
  { customer: "c1", count: 5, exclude: ["i1"], diversify: 0.5 },
  { history: [{ item: "i1", action: "view", time: 1_577_836_800 }], count: 3 },
  { events: [{ customer: "c1", item: "i1", action: "buy", time: "2020-01-01T00:00:00Z", price: 1.5 }] },
  { customers: ["c1"], days: 30, threshold: "0.1" },
];
const requestBodies: Target = {
  ...{ name: "inputs-requests", parses: "bodies of requests to the serving API and the node's page", longest: 4096 },
  dictionary: ["customer", "history", "events", "item", "action", "time", "count", "exclude"],
  seeds: () => requests.map((one) => textBytes(JSON.stringify(one))),
  structured: (choices) => textBytes(JSON.stringify(editJson(choices.of(requests), choices)) ?? ""),
  fuzz(bytes) {
    const found = jsonIn(bytes);
    if (found === undefined) return;
    for (const schema of schemas) {
      const read = verdictOf(() => parseBody<unknown>(schema, found.json));
      if ("code" in read) must(read.code === "TRB_SERVE_REQUEST_INVALID", "a body is refused by its code");
    }
  },
};

const log = coordinatorLog({ level: "silent" });

/** What another replica says. */
const frame = { from: "b", life: "l", place: 1, kind: "ledger", body: 3 };
const frames: Target = {
  ...{ name: "inputs-frames", parses: "frames of other replicas", longest: 1024 },
  seeds: () => [
    textBytes(JSON.stringify(frame)),
    textBytes(JSON.stringify([frame, { ...frame, place: 3 }, { ...frame, place: 2 }])),
  ],
  structured: (choices: Choices) =>
    textBytes(JSON.stringify(editJson([frame, { ...frame, place: 3 }, { ...frame, place: 2 }], choices)) ?? ""),
  fuzz(bytes) {
    const found = jsonIn(bytes);
    if (found === undefined) return;
    let hear: ((value: unknown) => void) | undefined;
    const heard: unknown[] = [];
    const wire = {
      emit: () => {}, // nobody else is there
      listen(listener: (value: unknown) => void) {
        hear = listener;
      },
    };
    const bus = openBus(wire, "a", log, { beatEvery: 1_000_000, patience: 30 });
    bus.on("ledger", (body) => void heard.push(body));
    for (const one of Array.isArray(found.json) ? found.json : [found.json]) hear?.(one);
    bus.close();
    must(heard.length <= 200, "a frame is handed on once");
  },
};

export const targets: readonly Target[] = [commandLine, jsonFiles, lists, requestBodies, frames];

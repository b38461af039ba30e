/** Writes `test/vectors/protocol/*.json` anew: `node test/protocol/write.ts`. A change in them is a change of the protocol. */
import { mkdirSync, writeFileSync } from "node:fs";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { protocolVectors } from "./vectors.ts";

const folder = new URL("../vectors/protocol/", import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, content] of Object.entries(await protocolVectors(nodeCrypto()))) {
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(content, null, 2)}\n`);
}

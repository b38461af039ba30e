#!/usr/bin/env node
/**
 * The `tributary` command. What was compiled once is kept, or half of a short command's time would go into reading TypeScript: in the user's own
 * cache folder, since whoever could write there could say what is run. Node checks each file's content, and goes on without a cache where there can be none.
 */
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";

// A training step leaves megabytes of arrays behind a heap of ten: without room to start with, every other step would mark the whole heap (a
// quarter of the time of short steps; docs/performance.md). It counts for threads that start from here on, and nodes train in one.
setFlagsFromString("--initial-old-space-size=128");

// Set for the threads too, who look for it in the environment alone, and a node trains in one; and for the demo's processes.
process.env["NODE_COMPILE_CACHE"] ??= join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "tributary", "compiled");
enableCompileCache(process.env["NODE_COMPILE_CACHE"]);
await import("./run.ts");

/** `tributary doctor`: what is present on this machine, and what it changes. */
import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fail, isTributaryError } from "@tributary/errors";
import type { Executor } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { Command } from "commander";
import { opendpPackage } from "../opendp-package.ts";
import { jsonOption } from "../options.ts";
import { print, prose, table } from "../output.ts";
import { ownPackage, reachesNode } from "../own-package.ts";
import { selfTest } from "../self-test.ts";
import type { Finding } from "./doctor/finding.ts";
import { examineNode } from "./doctor/node-home.ts";

export function doctorCommand(): Command {
  return new Command("doctor")
    .description(
      "what is present on this machine and how a home stands, what it changes, and what to do (exit 1 when something is broken)",
    )
    .option("--home <folder>", "a node's or a coordinator's folder, to be looked at as well")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary doctor\n  tributary doctor --home shop --json")
    .action(async (options: { home?: string; json?: boolean }) => {
      const findings = [
        ...(options.home === undefined ? [] : await examineFolder(options.home)),
        node(),
        ...(await executors()),
        await cryptography(),
        await openDp(),
        store(),
        memory(),
        disk(),
        sharedData(),
      ];
      const broken = findings.some((finding) => finding.state === "broken");
      if (broken) process.exitCode = 1;
      print(options.json, { ok: !broken, findings }, () => [
        ...table([
          ["what", "state", "found", "what it changes"],
          ...findings.map((finding) => [finding.name, finding.state, finding.found, finding.changes]),
        ]),
        ...(findings.some(({ advice }) => advice !== null) ? ["", "What to do:"] : []),
        ...prose(findings.flatMap(({ name, advice }) => (advice === null ? [] : [`  ${name}: ${advice}`]))),
      ]);
    });
}

/** @throws TRB_CLI_HOME_UNKNOWN */
async function examineFolder(home: string): Promise<readonly Finding[]> {
  if (existsSync(join(home, "node.sqlite"))) return examineNode(home);
  if (!existsSync(join(home, "keys", "identity"))) throw fail("TRB_CLI_HOME_UNKNOWN", { home });
  const { examineHome } = await import("@tributary/coordinator");
  const found = await examineHome({ home });
  return found.map(({ state, ...finding }) => ({
    ...finding,
    state: state === "ok" ? "present" : state,
    changes: "the federation stands on it",
  }));
}

function node(): Finding {
  const { node: least } = ownPackage;
  const reaches = reachesNode(process.versions.node, least ?? "24");
  const checkout = "24 or newer runs TypeScript and SQLite as they are; the lockfile brings it on Linux and Windows";
  const ownNode = "Install Node 24, or start it by `pnpm -s tributary`, which brings its own.";
  return {
    name: "Node.js",
    state: reaches ? "present" : "broken",
    found: process.versions.node,
    changes: least === undefined ? checkout : `${least} or newer has all that this release calls; it is tried on 22 and 24`,
    advice: reaches ? null : least === undefined ? ownNode : `Install Node ${least} or newer.`,
  };
}

/** Everything that can run a graph, each tried on a small model against its float64 twin. */
async function executors(): Promise<readonly Finding[]> {
  const native = await tryExecutor(
    "ONNX Runtime",
    "broken",
    "runs training and predictions; without its binary nothing trains on this machine",
    async () => onnxruntimeExecutor(),
  );
  const web = await tryExecutor(
    "ONNX Runtime for the web",
    "absent",
    "runs the same graphs in WebAssembly, in browsers and for comparison (bench conformance)",
    async () => (await import("@tributary/tensor/onnxruntime-web")).onnxruntimeWebExecutor(),
  );
  const { tensorflowExecutor } = await import("@tributary/tensor/tensorflow");
  const wasm = await tryExecutor(
    "TensorFlow.js",
    "absent",
    "runs the same graphs on another library's kernels, for comparison (bench conformance)",
    () => tensorflowExecutor({ backend: "wasm" }),
  );
  const bindings = await tryExecutor(
    "TensorFlow for Node",
    "absent",
    "optional: TensorFlow.js then computes natively; nothing else needs it (install @tensorflow/tfjs-node)",
    () => tensorflowExecutor({ backend: "node" }),
  );
  return [native, web, wasm, bindings];
}

/** @param without what it means that the library can't be loaded; one that computes wrongly is always broken */
async function tryExecutor(
  name: string,
  without: "absent" | "broken",
  changes: string,
  open: () => Promise<Executor>,
): Promise<Finding> {
  try {
    const { operation, error } = await selfTest(await open());
    const found = `${operation}: ${error.toExponential(1)} from the float64 twin`;
    const wrong = error < 1e-5 ? null : "It computes wrongly on this machine: install the dependencies anew, and report it.";
    return { name, state: wrong === null ? "present" : "broken", found, changes, advice: wrong };
  } catch (error) {
    const missing = isTributaryError(error) && error.code === "TRB_TENSOR_EXECUTOR_MISSING";
    const found = isTributaryError(error) ? error.code : "can't be loaded";
    const state = missing ? without : "broken";
    const advice = isTributaryError(error) ? error.advice : "Install the dependencies anew (`pnpm install`).";
    return { name, state, found, changes, advice: state === "absent" ? null : advice };
  }
}

async function cryptography(): Promise<Finding> {
  const { nodeCrypto } = await import("@tributary/protocol/node-crypto");
  const crypto = nodeCrypto();
  const words = new Uint32Array(1 << 20);
  const keystream = crypto.keystream(new Uint8Array(32));
  keystream.words(0, words);
  const start = performance.now();
  keystream.words(0, words);
  const rate = (4 * words.length) / 1e6 / ((performance.now() - start) / 1e3);
  return {
    name: "masks (AES-256-CTR)",
    state: "present",
    found: `${rate.toFixed(0)} MB/s`,
    changes: "how long masking a vector takes",
    advice: null,
  };
}

/** What cargo built, held against the hash that was written down then. */
async function openDp(): Promise<Finding> {
  const changes = "optional: `--sampler opendp` can draw the noise, `bench dp` shows it beside ours; nothing else needs it";
  try {
    const { version, artefact } = await (await opendpPackage()).openOpenDp();
    const found = `${version}, ${artefact.kind}, SHA-256 ${artefact.sha256}`;
    return { name: "OpenDP", state: "present", found, changes, advice: null };
  } catch (error) {
    const missing = isTributaryError(error) && error.code === "TRB_OPENDP_NOT_BUILT";
    const found = isTributaryError(error) ? `${error.code}: ${error.message}` : "can't be loaded";
    const advice = missing ? null : isTributaryError(error) ? error.advice : "Build it anew (packages/opendp/README.md).";
    return { name: "OpenDP", state: missing ? "absent" : "broken", found, changes, advice };
  }
}

function store(): Finding {
  return {
    name: "SQLite",
    state: process.versions["sqlite"] === undefined ? "broken" : "present",
    found: process.versions["sqlite"] ?? "absent",
    changes: "holds the coordinator's rounds and the node's budget",
    advice: process.versions["sqlite"] === undefined ? "Use a Node.js that was built with SQLite, as nodejs.org's are." : null,
  };
}

function memory(): Finding {
  return {
    name: "memory and cores",
    state: "present",
    found: `${(totalmem() / 2 ** 30).toFixed(1)} GiB, ${availableParallelism()} cores`,
    changes: "a node takes up to 400 MB, the coordinator up to 300 MB",
    advice: null,
  };
}

/** Of the disk. */
const leastRoom = 0.03;

function disk(): Finding {
  const { bavail, blocks, bsize } = statfsSync(".");
  const little = bavail < leastRoom * blocks;
  let writable = true;
  try {
    accessSync(".", constants.W_OK);
  } catch {
    writable = false;
  }
  return {
    name: "this folder",
    state: !writable ? "broken" : little ? "warning" : "present",
    found: `${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB free${writable ? "" : ", not writable"}`,
    changes: "where `demo` writes by default",
    advice: !writable ? "Work in a folder that you may write to." : little ? "Make room on this disk." : null,
  };
}

function sharedData(): Finding {
  const folder = resolve(process.env["TRIBUTARY_SHARED"] ?? "../shared");
  const present = existsSync(folder);
  return {
    name: "shared data",
    state: present ? "present" : "absent",
    found: present ? folder : "TRIBUTARY_SHARED names no folder",
    changes: "tests on real logs run only with it",
    advice: null,
  };
}

/**
 * The demo's federation: a coordinator and the merchants' nodes as processes of their own over loopback, by public commands only.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { type ErrorCode, fail } from "@tributary/errors";
import type { MerchantPart, StatisticsWishes } from "@tributary/simulate";
import { z } from "zod";
import { type ModelOptions, modelArguments } from "../model-options.ts";
import type { SamplerOptions } from "../sampler-option.ts";
import { statisticsArguments } from "../statistics-options.ts";
import type { DemoFolder } from "./folder.ts";
import type { Processes, Service } from "./processes.ts";

export interface FederationOptions extends ModelOptions, SamplerOptions {
  readonly folder: DemoFolder;
  readonly parts: readonly MerchantPart[];
  readonly epsilon: number;
  readonly delta: number;
  readonly rounds?: number;
  readonly catalogueProvenance: "public" | "log";
  readonly wishes: { readonly statistics?: StatisticsWishes };
  /** Called about twice a second. */
  readonly onProgress: (progress: Progress) => void;
}

interface Progress {
  readonly stage: "preparing" | "training";
  readonly done: number;
  readonly of: number;
  readonly epsilon?: number;
}

/** Seconds without a round, joining included, after which the demo gives up: longer than any step's deadlines together. */
const longestWait = 240;

const slowCode: ErrorCode = "TRB_NODE_TRAINING_TOO_SLOW";

const listening = z.object({ url: z.string(), fingerprint: z.string() });
const invited = z.object({ invite: z.string() });
const joined = z.object({ fingerprint: z.string() });
const planned = z.object({ why: z.array(z.string()) });
const statusSchema = z.object({
  phase: z.string(),
  charged: z.number(),
  rounds: z.number(),
  epsilon: z.number(),
  finished: z.boolean(),
});

const finalStatus = z.object({
  bytes: z.object({ inPerRoundPerNode: z.number().nullable(), outPerRoundPerNode: z.number().nullable() }),
  history: z.array(
    z.object({
      round: z.number(),
      released: z.boolean().nullable(),
      seconds: z
        .number()
        .nullable()
        .transform((seconds) => seconds ?? 0),
      epsilon: z
        .number()
        .nullable()
        .transform((epsilon) => epsilon ?? 0),
    }),
  ),
});

export interface Ran {
  readonly coordinatorHome: string;
  readonly fingerprint: string;
  readonly why: readonly string[];
  /** The released rounds, in order. */
  readonly history: readonly { readonly round: number; readonly epsilon: number; readonly seconds: number }[];
  /** Mean over rounds and nodes of what was sent and received, control messages and models included. */
  readonly bytesPerRoundPerNode: number;
  /** Nodes that were too slow for at least one round, and added noise alone to it. */
  readonly slowNodes: number;
}

/** Runs the federation until its ledger is closed. The processes are gone when it returns, and when it throws. */
export async function runFederation(options: FederationOptions, processes: Processes): Promise<Ran> {
  const { folder, parts, onProgress } = options;
  const home = (name: string) => folder.work("homes", name);
  const steps = 2 + 2 * parts.length;
  let done = 0;
  const prepared = () => onProgress({ stage: "preparing", done: ++done, of: steps });
  mkdirSync(folder.work("logs"), { recursive: true });
  const platform = home("platform");
  const catalogue = folder.work("logs", "catalogue.jsonl");

  try {
    const customers = parts.reduce((sum, part) => sum + part.train.customers.length, 0);
    const { why } = planned.parse(
      await processes.run([
        "plan",
        "new",
        ...["--home", platform, "--out", folder.file("plan.json"), "--catalogue", catalogue, "--federation", "demo"],
        ...["--customers", String(customers), "--merchants", String(parts.length)],
        ...["--epsilon", String(options.epsilon), "--delta", String(options.delta)],
        ...(options.rounds === undefined ? [] : ["--rounds", String(options.rounds)]),
        ...["--catalogue-provenance", options.catalogueProvenance],
        ...modelArguments(options),
        ...["--sampler", options.sampler],
        ...statisticsArguments(options.wishes),
        ...(options.catalogueProvenance === "log" ? ["--demo"] : []),
      ]),
    );
    prepared();
    const coordinator = await processes.start(
      [
        "coordinator",
        "start",
        ...["--home", platform, "--plan", folder.file("plan.json"), "--catalogue", catalogue, "--port", "0"],
        // nobody changes a policy while the demo runs, so that what is refused a few times is refused for good
        ...["--start-when", String(parts.length), "--until-done", "--most-refused", "5"],
        ...(options.catalogueProvenance === "log" ? ["--demo"] : []),
      ],
      folder.work("logs", "coordinator.log"),
    );
    const { url, fingerprint } = listening.parse(coordinator.ready);
    prepared();

    const fingerprints = await twoAtATime(parts, async (part) => {
      const invite = await processes.run(["coordinator", "invite", "--home", platform, "--node", part.node, "--url", url]);
      const own = await processes.run(["node", "join", invited.parse(invite).invite, "--home", home(part.node)]);
      prepared();
      return joined.parse(own).fingerprint;
    });
    const nodes = await twoAtATime(parts, async (part, place) => {
      const peers = fingerprints.filter((_, other) => other !== place);
      await processes.run(["node", "trust", ...peers, "--home", home(part.node)]);
      if (options.catalogueProvenance === "log")
        await processes.run(["node", "policy", "--home", home(part.node), "--accept-log-catalogue"]);
      const columns = "customer=customer,item=item,action=action,time=time";
      await processes.run([
        "node",
        "import",
        folder.work("logs", `${part.node}.csv`),
        "--home",
        home(part.node),
        "--columns",
        columns,
      ]);
      const service = await processes.start(
        ["node", "start", "--home", home(part.node), "--training-threads", "1", "--until-done"], // the nodes share the cores
        folder.work("logs", `${part.node}.log`),
      );
      prepared();
      return service;
    });
    await watch(url, [coordinator, ...nodes], onProgress);
    const slow = parts.filter((part) => readFileSync(folder.work("logs", `${part.node}.log`), "utf8").includes(slowCode));
    const status = finalStatus.parse(await processes.run(["coordinator", "status", "--home", platform]));
    const history = status.history.filter((round) => round.released === true);
    const bytesPerRoundPerNode = (status.bytes.inPerRoundPerNode ?? 0) + (status.bytes.outPerRoundPerNode ?? 0);
    return { coordinatorHome: platform, fingerprint, why, history, bytesPerRoundPerNode, slowNodes: slow.length };
  } finally {
    await processes.stopAll();
  }
}

/** Until every process has ended by itself, or one of them failed. */
async function watch(url: string, services: readonly Service[], onProgress: FederationOptions["onProgress"]): Promise<void> {
  let ended = false;
  let charged = 0;
  let since = performance.now();
  const all = Promise.all(services.map((service) => service.ended)).then(() => {
    ended = true;
  });
  while (!ended) {
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 400))]);
    const status = ended ? undefined : await readStatus(url);
    if (!status) continue;
    if (status.charged > charged) [charged, since] = [status.charged, performance.now()];
    if (performance.now() - since > 1e3 * longestWait)
      throw fail("TRB_DEMO_STALLED", { seconds: longestWait, phase: status.phase });
    onProgress({ stage: "training", done: status.charged, of: status.rounds, epsilon: status.epsilon });
  }
  await all;
}

/** Undefined while the coordinator is not to be reached, which is so when it has just ended. */
async function readStatus(url: string): Promise<z.infer<typeof statusSchema> | undefined> {
  try {
    const answer = await fetch(`${url}/v1/status`);
    return statusSchema.parse(await answer.json());
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Two cores: two processes at a time start fastest. */
async function twoAtATime<Input, Output>(
  inputs: readonly Input[],
  work: (input: Input, place: number) => Promise<Output>,
): Promise<Output[]> {
  const outputs: Output[] = [];
  let next = 0;
  const lane = async () => {
    for (let place = next++; place < inputs.length; place = next++) outputs[place] = await work(inputs[place] as Input, place);
  };
  await Promise.all([lane(), lane()]);
  return outputs;
}

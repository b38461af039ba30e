/** What of a node serves by HTTP. The modules of web servers are read when one is to run: a merchant's other commands start without them. */
import type { NodePage, ServePageOptions } from "./page/page.ts";
import type { BenchServingOptions, ServingFigures } from "./serving/bench/bench-serving.ts";
import type { ServeNodeOptions, ServingNode } from "./serving/serve.ts";

/** @throws what `servePage` of `page/page.ts` throws */
export async function servePage(options: ServePageOptions): Promise<NodePage> {
  const page = await import("./page/page.ts");
  return page.servePage(options);
}

/** @throws what `serveNode` of `serving/serve.ts` throws */
export async function serveNode(options: ServeNodeOptions): Promise<ServingNode> {
  const serving = await import("./serving/serve.ts");
  return serving.serveNode(options);
}

/** @throws what `benchServing` of `serving/bench/bench-serving.ts` throws */
export async function benchServing(options: BenchServingOptions): Promise<ServingFigures> {
  const bench = await import("./serving/bench/bench-serving.ts");
  return bench.benchServing(options);
}

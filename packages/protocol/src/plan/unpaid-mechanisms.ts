/**
 * Keys that somebody who knows other systems might write into a plan, and what they would do to the guarantee. Every unknown key is refused; for these the refusal says
 * why, and that it is for privacy's sake.
 */

interface Mechanism {
  /** Of the key in small letters, without hyphens and underscores. */
  readonly key: RegExp;
  readonly mechanism: string;
  readonly reason: string;
}

const mechanisms: readonly Mechanism[] = [
  {
    key: /adaptiveclip|clipadapt|clipquantile|targetquantile|clippingrate|adaptclip/,
    mechanism: "clip adaptation",
    reason: "a clip norm that follows the data is a release of its own, and the plan has no rounds for it",
  },
  {
    key: /correlat|treenoise|treeaggregat|ftrl|banded|matrixfactori|matrixmechanism|noisereuse|reusenoise/,
    mechanism: "noise that is correlated between rounds",
    reason: "its proof holds only while every round has the same survivors, which nodes that drop out end",
  },
  {
    key: /fixedbatch|batching|shuffl|fixedsize|withoutreplacement|samplesize|cohortsampling|amplif/,
    mechanism: "another sampling than each customer's own secret coin",
    reason: "ε at samplingRate is of Poisson sampling; fixed or shuffled batches are amplified less, or not at all",
  },
  {
    key: /weightby|weightedby|weighting|batchweight|nodeweight|clientweight|merchantweight|samplecount|customercount|usercount|proportional/,
    mechanism: "weights by counts",
    reason: "how many customers a merchant has, or a batch had, depends on the data; sums are divided by constants of the plan",
  },
  {
    key: /vocab|frequentitem|topitems|itemcounts|itemsfromlog/,
    mechanism: "a vocabulary made from logs",
    reason:
      "which items there are tells what people had; it is bought beforehand, as a part of the catalogue with its own cost",
  },
  {
    key: /tuning|tune|hyperparam|sweep|gridsearch|autolearningrate/,
    mechanism: "tuning on customers' data",
    reason: "each look costs, and what a private choice of the recipe cost stands in `selection`",
  },
  {
    key: /reset|refund|renew|replenish|budgetper|refill|forgive/,
    mechanism: "a budget that comes back",
    reason: "what was released stays released",
  },
  {
    key: /earlystopp|stopwhen|validation|evaluat|monitor|telemetry|analytics|logmetrics/,
    mechanism: "figures or decisions that no release pays for",
    reason: "whatever is read of customers is a release of kind metrics or query, with its noise, in ε",
  },
  {
    key: /unclipped|noclip|nonoise|disablenoise|disabledp|skipnoise|debug|plaintext|insecure/,
    mechanism: "rounds without what protects them",
    reason: "without clipping, noise or masks there is no guarantee to state",
  },
  {
    key: /attempt|maxretries|retrycount|freeretr|spareround|extraround/,
    mechanism: "rounds beside those that ε is of",
    reason: "a retry is a round with its own charge: it counts in `rounds`, and `retries` says how many of them are spare",
  },
];

/** What an unknown key asks for that would weaken the guarantee; undefined where it is just unknown. */
export function unpaidMechanism(key: string): { readonly mechanism: string; readonly reason: string } | undefined {
  const written = key.slice(0, 200).toLowerCase().replace(/[-_ ]/g, "");
  const asked = mechanisms.find((one) => one.key.test(written));
  return asked === undefined ? undefined : { mechanism: asked.mechanism, reason: asked.reason };
}

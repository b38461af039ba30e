/** What Prometheus may scrape: counts and durations by route, never anything of a customer. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Customers } from "./customers.ts";
import type { ModelHolder } from "./served-model.ts";

export interface ServingMetrics {
  /** @param route its pattern, from a fixed list; what a stranger asks for is no label */
  answered(route: string, status: number, seconds: number): void;
  refused(code: string): void;
  /** @param by what answered: a fixed word */
  based(route: string, by: string): void;
  text(): Promise<string>;
  readonly contentType: string;
}

/** Seconds: around the 2 and 8 ms that a recommendation may take. */
const buckets = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.05, 0.25, 1];

export function servingMetrics(holder: ModelHolder, customers: Customers): ServingMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    ...{ name: "tributary_serve_seconds", help: "Time from a request's head to its answer", registers, buckets },
    labelNames: ["route", "status"],
  });
  const refusals = new Counter({
    ...{ name: "tributary_serve_refused_total", help: "Requests refused, by error code", registers },
    labelNames: ["code"],
  });
  const bases = new Counter({
    ...{ name: "tributary_serve_basis_total", help: "Answers by what they rest on", registers },
    labelNames: ["route", "by"],
  });
  new Gauge({
    ...{ name: "tributary_serve_customers", help: "Customers in the store", registers },
    collect() {
      this.set(customers.counts().stored);
    },
  });
  new Gauge({
    ...{ name: "tributary_serve_live_events", help: "Events that came in since the store was imported", registers },
    collect() {
      this.set(customers.counts().live);
    },
  });
  new Gauge({
    ...{ name: "tributary_serve_model_round", help: "Round of the model that is served; -1: none", registers },
    collect() {
      this.set(holder.current().origin.round ?? -1);
    },
  });
  new Gauge({
    ...{ name: "tributary_serve_fallback", help: "1 while popularity answers alone", registers },
    collect() {
      this.set(holder.current().origin.fallback ? 1 : 0);
    },
  });
  new Gauge({
    ...{ name: "tributary_serve_model_changes", help: "How often the model was changed since the start", registers },
    collect() {
      this.set(holder.changes());
    },
  });
  return {
    answered: (route, status, seconds) => durations.observe({ route, status: String(status) }, seconds),
    refused: (code) => refusals.inc({ code }),
    based: (route, by) => bases.inc({ route, by }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

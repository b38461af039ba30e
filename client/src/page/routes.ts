/** What the page may ask: read it here, whatever it shows. Customers' ids come in bodies, never in addresses, and answers are kept by nobody. */
import { fail, isTributaryError } from "@tributary/errors";
import {
  issueInWords,
  type PageQuality,
  type PageValue,
  pageAdvertsBody,
  pageCustomerBody,
  pageCustomersBody,
  pageExplainBody,
  pagePolicyBody,
  pagePolicySaveBody,
  pageSessionBody,
  problemOf,
} from "@tributary/protocol";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { z } from "zod";
import { storeGeneration } from "../home/histories.ts";
import { layoutOf } from "../home/layout.ts";
import { withHome } from "../home/open.ts";
import { readKeptValue } from "../value/kept-value.ts";
import type { Explorer } from "./explorer.ts";
import type { Guard } from "./guard.ts";
import { leavingOf } from "./leaving.ts";
import { type OverviewTools, overviewOf } from "./overview.ts";
import { policyForm, previewPolicy, savePolicy } from "./policy-form.ts";
import { reportInThread } from "./report-thread.ts";
import { spendingCourse } from "./spending.ts";

export interface RouteParts extends OverviewTools {
  readonly home: string;
  readonly guard: Guard;
  readonly explorer: Explorer;
  /** Aborted when the page ends. */
  readonly signal: AbortSignal;
}

export function addRoutes(app: FastifyInstance, parts: RouteParts): void {
  const { home, guard, explorer } = parts;
  const post = <Body>(path: string, schema: z.ZodType<Body>, answer: (body: Body, reply: FastifyReply) => unknown) =>
    app.post(path, ({ body }, reply) => answer(parseBody(schema, body), reply));
  const quality = qualityReader(parts);
  const value = valueMaker(parts);

  post("/api/session", pageSessionBody, ({ token }, reply) =>
    reply.header("set-cookie", guard.begin(token)).status(204).send(),
  );
  app.get("/api/overview", () => overviewOf(home, parts));
  app.get("/api/quality", quality);
  app.get("/api/budget", () => withHome(home, spendingCourse));
  app.get("/api/leaving", () => withHome(home, leavingOf));
  app.get("/api/policy", () => withHome(home, policyForm));
  post("/api/policy/preview", pagePolicyBody, ({ policy }) => withHome(home, (opened) => previewPolicy(opened, policy)));
  post("/api/policy", pagePolicySaveBody, ({ policy, stamp }) =>
    withHome(home, (opened) => {
      savePolicy(opened, policy, stamp);
      return policyForm(opened);
    }),
  );
  app.get("/api/value", value.state);
  app.post("/api/value", value.make);
  app.get("/api/explorer", () => explorer.status());
  post("/api/explorer/customers", pageCustomersBody, (asked) => explorer.customers(asked));
  post("/api/explorer/customer", pageCustomerBody, (asked) => explorer.customer(asked));
  post("/api/explorer/explain", pageExplainBody, (asked) => explorer.explain(asked));
  post("/api/explorer/adverts", pageAdvertsBody, (asked) => explorer.adverts(asked));
}

/** @throws TRB_PAGE_REQUEST_INVALID with the place, never the value */
function parseBody<Body>(schema: z.ZodType<Body>, value: unknown): Body {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const reason = issue === undefined ? "it does not fit the description" : issueInWords(issue);
  throw fail("TRB_PAGE_REQUEST_INVALID", { path: issue?.path.join(".") || "(top)", reason });
}

/** Reckoned once for what the store holds, however many browsers ask. */
function qualityReader({ home, signal }: RouteParts): () => Promise<PageQuality> {
  let known: { readonly stamp: string; readonly quality: Promise<PageQuality> } | undefined;
  return async () => {
    const stamp = await withHome(home, ({ layout }) => storeGeneration(layout) ?? "none");
    if (known?.stamp !== stamp) {
      const quality = reportInThread({ what: "quality", home }, signal).then((answer) => {
        if (answer.type !== "quality") throw fail("TRB_UNEXPECTED", { reason: "another report" });
        return answer.quality;
      });
      known = { stamp, quality };
      quality.catch(() => {
        known = undefined; // what failed is tried again
      });
    }
    return known.quality;
  };
}

/** One at a time: it takes minutes, and both cores. */
function valueMaker({ home, ledgerOf, signal }: RouteParts): {
  readonly state: () => Promise<PageValue>;
  readonly make: () => Promise<PageValue>;
} {
  let making: { readonly beganAt: string } | undefined;
  let failed: unknown;
  const state = async (): Promise<PageValue> => {
    const report = readKeptValue(layoutOf(home)) ?? null;
    const release = await withHome(home, (opened) => ledgerOf(opened).release);
    return {
      state: making !== undefined ? "making" : failed !== undefined ? "failed" : report === null ? "none" : "made",
      ...{ report, stale: report !== null && release !== undefined && release.hash !== report.model.hash },
      problem: isTributaryError(failed) ? problemOf(failed) : null,
      beganAt: making?.beganAt ?? null,
    };
  };
  return {
    state,
    async make() {
      if (making !== undefined) throw fail("TRB_PAGE_BUSY", { what: "The value report" });
      making = { beganAt: new Date().toISOString() };
      failed = undefined;
      reportInThread({ what: "value", home }, signal)
        .catch((error: unknown) => {
          failed = error;
        })
        .finally(() => {
          making = undefined;
        });
      return state();
    },
  };
}

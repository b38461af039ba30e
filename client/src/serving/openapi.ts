/** The API's description, OpenAPI 3.1, made from the schemas that requests are held to (`words.ts`). */
import { z } from "zod";
import { errorAnswer } from "./words.ts";

export interface Operation {
  readonly method: "get" | "post";
  readonly path: string;
  readonly summary: string;
  /** Undefined: nothing is sent. */
  readonly body?: z.ZodType;
  /** Undefined: the answer is text. */
  readonly answer?: z.ZodType;
  /** Whether it is asked without a token. */
  readonly open?: boolean;
  /** HTTP statuses of refusals beside 400, 401 and 413. */
  readonly refusals?: readonly number[];
}

const statusWords: Readonly<Record<number, string>> = {
  400: "malformed",
  401: "no token, or a wrong one",
  404: "nothing is known of it",
  408: "not whole in time",
  409: "nothing to answer by",
  413: "too large",
  422: "an item or action that is not known, or an empty history",
  503: "full, stopping, or its model is not there yet",
};

const json = (schema: object) => ({ "application/json": { schema } });
/** Defaults are filled in: what may be left out of a request is there in what is read. */
const schemaOf = (schema: z.ZodType, io: "input" | "output") => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: "draft-2020-12", io });
  return rest;
};

export function openApi(operations: readonly Operation[]): object {
  const refusal = (status: number) => ({
    [status]: { description: statusWords[status] ?? "refused", content: json({ $ref: "#/components/schemas/Refusal" }) },
  });
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path, summary, body, answer, open = false, refusals = [] } of operations) {
    const statuses = [...(body === undefined ? [] : [400, 408, 413]), ...(open ? [] : [401]), ...refusals].sort(
      (a, b) => a - b,
    );
    const content = answer === undefined ? { "text/plain": { schema: { type: "string" } } } : json(schemaOf(answer, "output"));
    paths[path] = {
      ...paths[path],
      [method]: {
        summary,
        operationId: `${method}${path.replaceAll(/[^a-z]+(.)?/g, (_, letter: string | undefined) => letter?.toUpperCase() ?? "")}`,
        ...(body === undefined ? {} : { requestBody: { required: true, content: json(schemaOf(body, "input")) } }),
        responses: Object.assign({ 200: { description: "answered", content } }, ...statuses.map(refusal)),
        security: open ? [] : [{ token: [] }],
      },
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Tributary node: serving",
      version: "1",
      description: "A merchant's own predictions for its own customers. Nothing that is sent here leaves the node.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: { Refusal: schemaOf(errorAnswer, "output") },
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}

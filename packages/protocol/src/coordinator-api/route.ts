/**
 * How one route of the coordinator is described: what goes in and what comes out, as zod values that both sides hold each other to. The server registers its
 * routes from these, the OpenAPI document is made from them, and the client of this folder speaks them.
 */
import { z } from "zod";

/** Of operators, in order: each may do all that those before it may. */
export const operatorRoles = ["viewer", "auditor", "operator"] as const;
export type OperatorRole = (typeof operatorRoles)[number];
export const operatorRole = z.enum(operatorRoles);

/** Of a post, not of a person: it stands in the ledger, for everybody to read. */
export const operatorName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/);

export interface ApiRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Parameters as `:name`. */
  readonly path: `/${string}`;
  readonly does: string;
  /** The least role of an operator. Null: everybody, or whoever proves in the request itself who it is, as nodes do. */
  readonly least: OperatorRole | null;
  /** Scrapers of metrics have a token of their own; who asks from the coordinator's machine needs none. */
  readonly scraped?: true;
  /** A token can't do it. */
  readonly sessionOnly?: true;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Of the body; default JSON. */
  readonly bodyMedia?: "application/octet-stream";
  /** When it is done. */
  readonly status: 200 | 201 | 202 | 204;
  readonly answer: z.ZodType;
  /** Of the answer; default JSON. */
  readonly answerMedia?: "application/octet-stream" | "text/plain";
  /** Other statuses that are no refusals, with the answer's form. */
  readonly others?: Readonly<Record<number, z.ZodType>>;
  /** Statuses of refusals beside those of every route. */
  readonly refusals: readonly number[];
}

/** An answer or a body of octets. */
export const octets = z.custom<Uint8Array<ArrayBuffer>>((value) => value instanceof Uint8Array);
/** An answer without a body. */
export const nothing = z.undefined();

type Part = "params" | "query" | "headers" | "body";

/** What a handler gets: undefined for what the route has not. */
export type Received<Route, Name extends Part> = Route extends { readonly [K in Name]: infer Schema extends z.ZodType }
  ? z.output<Schema>
  : undefined;
export type AnswerOfRoute<Route extends ApiRoute> = z.output<Route["answer"]>;
/** The same from who gives it, and may not have it changed. */
export type Told<Answer> = Answer extends string | Uint8Array
  ? Answer
  : Answer extends readonly (infer Element)[]
    ? readonly Told<Element>[]
    : Answer extends object
      ? { readonly [Key in keyof Answer]: Told<Answer[Key]> }
      : Answer;

type Sent<Route, Name extends Part> = Route extends { readonly [K in Name]: infer Schema extends z.ZodType }
  ? Record<never, never> extends z.input<Schema>
    ? { readonly [K in Name]?: z.input<Schema> }
    : { readonly [K in Name]: z.input<Schema> }
  : unknown;
/** What a client gives: only those parts that the route has; those of which everything has a default may be left out. */
export type RequestOf<Route> = Sent<Route, "params"> & Sent<Route, "query"> & Sent<Route, "headers"> & Sent<Route, "body">;

/** Keeps each route's own schemas in the type. */
export const routesOf = <const Table extends Readonly<Record<string, ApiRoute>>>(routes: Table): Table => routes;

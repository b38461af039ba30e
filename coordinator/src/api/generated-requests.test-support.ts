/**
 * Requests made from the API's own description: those that keep to it, those that nearly do, and those of which somebody changed octets. What is generated
 * knows nothing of the server but the OpenAPI document that it serves.
 */
import fc from "fast-check";

/** A schema of JSON Schema 2020-12, as far as requests use it. */
interface JsonSchema {
  readonly type?: string;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly $ref?: string;
}

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: JsonSchema;
}

interface Operation {
  readonly operationId: string;
  readonly "x-least-role"?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: JsonSchema }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, object>> }>>;
  readonly security: readonly Readonly<Record<string, unknown>>[];
}

export interface Described {
  readonly method: string;
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly operation: Operation;
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export const operationsOf = ({ paths }: Document): Described[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );

export interface Generated {
  readonly kind: "valid" | "nearly" | "mutated";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

type Schemas = Document["components"]["schemas"];

/** Values that keep to the schema. */
function valuesOf(schema: JsonSchema, schemas: Schemas): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return valuesOf(schemas[schema.$ref.split("/").at(-1) ?? ""] ?? {}, schemas);
  if ("const" in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const { minLength = 0, maxLength = 200, minimum, maximum } = schema;
  switch (schema.type) {
    case "string": {
      const fits = (text: string) => text.length >= minLength && text.length <= maxLength;
      if (schema.format === "uri") return fc.webUrl().filter(fits);
      if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern)).filter(fits);
      return fc.string({ minLength, maxLength: Math.min(maxLength, 200), unit: "grapheme" }).filter(fits);
    }
    case "integer":
      return fc.integer({ min: minimum ?? -(2 ** 31), max: Math.min(maximum ?? 2 ** 31 - 1, Number.MAX_SAFE_INTEGER) });
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(valuesOf(schema.items ?? {}, schemas), { maxLength: 3 });
    case "object": {
      const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => [name, valuesOf(field, schemas)] as const);
      return fc.record(Object.fromEntries(fields), { requiredKeys: [...(schema.required ?? [])] });
    }
    default:
      throw new Error(`no requests are made of ${JSON.stringify(schema)} yet`);
  }
}

/** What somebody may put where something else belongs. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom("", " ", "../..", "\u0000", "__proto__", "é".repeat(300), -1, 1e308, 2 ** 53, null, true, [], {}),
);

/** One field is dropped, added or something else, or the whole is. */
const nearly = (value: unknown): fc.Arbitrary<unknown> => {
  if (typeof value !== "object" || value === null) return anything;
  const names = Object.keys(value);
  const name = fc.constantFrom(...(names.length === 0 ? ["reason"] : names));
  return fc.oneof(
    { weight: 2, arbitrary: name.map((one) => Object.fromEntries(Object.entries(value).filter(([key]) => key !== one))) },
    { weight: 4, arbitrary: fc.tuple(name, anything).map(([one, other]) => ({ ...value, [one]: other })) },
    { weight: 2, arbitrary: fc.tuple(fc.string(), anything).map(([one, other]) => ({ ...value, [one]: other })) },
    { weight: 1, arbitrary: anything },
  );
};

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Some octets are other ones, or its end is missing. */
const mutated = (octets: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.nat(octets.length),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
    )
    .map(([end, changes]) => {
      const changed = Uint8Array.from(octets);
      for (const [place, octet] of changes) if (changed.length > 0) changed[place % changed.length] = octet;
      return end % 3 === 0 ? changed.subarray(0, end) : changed;
    });

/** What no client would write into a path. */
const strangePath = fc.constantFrom("%", "%zz", "%ff%fe", "%00", "a".repeat(300), "..;", ".", "%2e%2e%2f", "*", "é".repeat(60));

/** In one header, as far as HTTP lets it through. */
const headerText = (value: unknown) => encodeURIComponent(String(value)).slice(0, 1_000);

export function requestsOf(
  { path, operation }: Described,
  schemas: Schemas,
  kinds: readonly Generated["kind"][],
): fc.Arbitrary<Generated> {
  const { parameters = [], requestBody } = operation;
  const [media, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  const given = fc.record(Object.fromEntries(parameters.map(({ name, schema }) => [name, valuesOf(schema, schemas)])), {
    requiredKeys: parameters.filter(({ required }) => required).map(({ name }) => name),
  });
  const bodies: fc.Arbitrary<unknown> =
    content?.schema === undefined ? fc.uint8Array({ maxLength: 64 }) : valuesOf(content.schema, schemas);
  return fc.tuple(fc.constantFrom(...kinds), given, bodies).chain(([kind, values, body]) => {
    const changedValues = kind === "nearly" && parameters.length > 0 ? nearly(values) : fc.constant<unknown>(values);
    const octets = body instanceof Uint8Array ? body : encode(body);
    const sent =
      kind === "nearly" && !(body instanceof Uint8Array)
        ? nearly(body).map(encode)
        : kind === "mutated"
          ? mutated(octets)
          : fc.constant(octets);
    const piece = kind === "mutated" ? fc.option(strangePath, { nil: undefined }) : fc.constant(undefined);
    return fc.tuple(changedValues, sent, piece).map(([changed, octetsSent, strange]): Generated => {
      const fields = typeof changed === "object" && changed !== null ? (changed as Record<string, unknown>) : {};
      const at = (place: Parameter["in"]) => parameters.filter((one) => one.in === place && one.name in fields);
      const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
        return strange === undefined
          ? encodeURIComponent(String(fields[name] ?? name))
          : encodeURI(strange).replaceAll("%25", "%");
      });
      const query = new URLSearchParams(at("query").map(({ name }) => [name, String(fields[name])] as [string, string]));
      const headers = Object.fromEntries(at("header").map(({ name }) => [name, headerText(fields[name])]));
      return {
        ...{ kind, path: query.size === 0 ? filled : `${filled}?${query}` },
        headers: media === undefined ? headers : { ...headers, "content-type": media },
        ...(media === undefined ? {} : { body: octetsSent }),
      };
    });
  });
}

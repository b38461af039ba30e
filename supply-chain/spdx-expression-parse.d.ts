/** The package says nothing of its types. */
declare module "spdx-expression-parse" {
  type Expression =
    | { readonly license: string; readonly plus?: true; readonly exception?: string }
    | { readonly left: Expression; readonly conjunction: "and" | "or"; readonly right: Expression };
  /** @throws Error where it is no expression of SPDX */
  function parse(expression: string): Expression;
  namespace parse {
    export type { Expression };
  }
  export = parse;
}

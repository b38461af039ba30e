/** Operators' routes as docs/access.md shows them. What they take and answer is described in `@tributary/protocol`; the handlers are in `serve.ts`. */
import { type AnswerOfRoute, type ApiRoute, operatorRoutes, type Received, type Told } from "@tributary/protocol";

export type RouteName = keyof typeof operatorRoutes;
type Route<Name extends RouteName> = (typeof operatorRoutes)[Name];
export type ParamsOf<Name extends RouteName> = Received<Route<Name>, "params">;
export type BodyOf<Name extends RouteName> = Received<Route<Name>, "body">;
export type AnswerOf<Name extends RouteName> = Told<AnswerOfRoute<Route<Name>>>;

/** The table of docs/access.md. */
export const routesTable = (): string[] => [
  "| route | least role | does |",
  "| --- | --- | --- |",
  ...Object.values<ApiRoute>(operatorRoutes).map(
    ({ method, path, least, sessionOnly, does }) =>
      `| \`${method} ${path}\` | ${least ?? "–"}${sessionOnly ? ", in a session" : ""} | ${does} |`,
  ),
];

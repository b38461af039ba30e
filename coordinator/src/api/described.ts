/**
 * Routes as their descriptions say, and no others: what a request brings is held to the description before a handler sees it, and a server that is given a
 * route which nobody described doesn't start.
 */
import { type AnswerOfRoute, type ApiRoute, apiRoutes, type Received, type Told } from "@tributary/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from "fastify";
import { parseRequest } from "../transport/answers.ts";

interface Call<Route extends ApiRoute> {
  readonly params: Received<Route, "params">;
  readonly query: Received<Route, "query">;
  readonly headers: Received<Route, "headers">;
  /** Octets come as the request's own stream instead. */
  readonly body: Route extends { readonly bodyMedia: string } ? undefined : Received<Route, "body">;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}
/** A handler sends by itself what is neither JSON nor text, and returns the reply. */
type Handler<Route extends ApiRoute> = (
  call: Call<Route>,
) => Told<AnswerOfRoute<Route>> | FastifyReply | Promise<Told<AnswerOfRoute<Route>> | FastifyReply>;

/** @throws TRB_COORDINATOR_REQUEST_INVALID, to who asks for what the description doesn't have */
export function serveRoute<Route extends ApiRoute>(
  app: FastifyInstance,
  route: Route,
  handler: Handler<Route>,
  options: RouteShorthandOptions = {},
): void {
  app.route({
    ...options,
    ...{ method: route.method, url: route.path },
    async handler(request, reply) {
      const given = {
        params: route.params && parseRequest(route.params, request.params),
        query: route.query && parseRequest(route.query, request.query),
        headers: route.headers && parseRequest(route.headers, request.headers),
        body: route.bodyMedia === undefined ? route.body && parseRequest(route.body, request.body) : undefined,
      };
      reply.status(route.status);
      const answer = await handler({ ...given, request, reply } as Call<Route>);
      return reply.sent ? reply : reply.send(answer);
    },
  });
}

/** Of the router's own words; a `HEAD` goes where the `GET` goes. */
const wordsOf = ({ method, path }: Pick<ApiRoute, "path"> & { readonly method: string }) => `${method} ${path}`;

/** To be said before the first route is registered. @param isPage pages' files are for browsers, and no part of the API */
export function requireDescriptions(app: FastifyInstance, isPage: (path: string) => boolean): void {
  const described = new Set(Object.values<ApiRoute>(apiRoutes).map(wordsOf));
  app.addHook("onRoute", ({ method, url }) => {
    if (isPage(url)) return;
    for (const one of [method].flat()) {
      const words = wordsOf({ method: one === "HEAD" ? "GET" : one, path: url as ApiRoute["path"] });
      if (!described.has(words)) throw new Error(`packages/protocol/src/coordinator-api doesn't describe ${words}`);
    }
  });
}

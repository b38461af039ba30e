import { defineErrors } from "../define.ts";

/** What `tributary node serve` answers. No detail ever names a customer, an item that somebody sent, or a token. */
export const servingErrors = defineErrors({
  TRB_SERVE_TOKEN_WRONG: {
    message: "The request carries no token, or another one than this node's.",
    advice: "Send `authorization: Bearer TOKEN`; `tributary node serve` says in which file the token is.",
    status: 401,
    exitCode: 1,
  },
  TRB_SERVE_TOKEN_UNUSABLE: {
    message: "The serving token can't be used: {reason}.",
    advice:
      "Give 16 printable characters or more, in a file that only its owner may read (mode 600) or in TRIBUTARY_SERVE_TOKEN.",
    status: 500,
    exitCode: 2,
  },
  TRB_SERVE_REQUEST_INVALID: {
    message: "The request is malformed at {path}: {reason}.",
    advice: "Compare it with the API's description, GET /openapi.json.",
    status: 400,
    exitCode: 1,
  },
  TRB_SERVE_REQUEST_TOO_LARGE: {
    message: "The request is larger than {limit} bytes.",
    advice: "Send less at a time: the latest events of a history are enough.",
    status: 413,
    exitCode: 1,
  },
  TRB_SERVE_REQUEST_SLOW: {
    message: "The request did not come to its end in time.",
    advice: "Send it whole; a connection that trickles is closed.",
    status: 408,
    exitCode: 1,
  },
  TRB_SERVE_ROUTE_UNKNOWN: {
    message: "There is no such route.",
    advice: "GET /openapi.json lists the routes.",
    status: 404,
    exitCode: 1,
  },
  TRB_SERVE_ITEM_UNKNOWN: {
    message: "The item at {path} is not in the federation's catalogue.",
    advice: "Map the shop's item numbers to the catalogue's, or leave the item out.",
    status: 422,
    exitCode: 1,
  },
  TRB_SERVE_ACTION_UNKNOWN: {
    message: "The action at {path} is not one that Tributary knows.",
    advice:
      "Use view, cart, favourite, buy, search, login, category, checkout, impression or advertClick, or a usual name of one.",
    status: 422,
    exitCode: 1,
  },
  TRB_SERVE_HISTORY_EMPTY: {
    message: "The history holds no event.",
    advice: "Send at least one event, or a customer that this node knows.",
    status: 422,
    exitCode: 1,
  },
  TRB_SERVE_CUSTOMER_UNKNOWN: {
    message: "This node has no event of that customer, and nothing can be said without one.",
    advice: "Send the customer's events with POST /v1/events, or a history in place of the customer.",
    status: 404,
    exitCode: 1,
  },
  TRB_SERVE_NOTHING_TO_ANSWER_BY: {
    message: "{what} can't be answered: {reason}.",
    advice: "Import a longer log, join a federation whose model has such a head, or serve in mode inHouse.",
    status: 409,
    exitCode: 1,
  },
  TRB_SERVE_MODEL_LOADING: {
    message: "{what} can't be answered yet: the model is still being made ready, and popularity answers alone.",
    advice:
      "Ask again after `retry-after` seconds. If it stays so, the node's log says why no model could be made ready; GET /v1/health says `fallback: false` once one is.",
    status: 503,
    exitCode: 1,
  },
  TRB_SERVE_LIVE_FULL: {
    message: "This node holds as many live events as it can ({limit}).",
    advice: "Import the log with `tributary node import`, and start serving again.",
    status: 503,
    exitCode: 1,
  },
  TRB_SERVE_LIVE_BUSY: {
    message: "More than {most} messages of this connection wait to be taken.",
    advice: "Wait for an acknowledgement before sending on, and send this message again: its events were not taken.",
    status: 429,
    exitCode: 1,
  },
  TRB_SERVE_CLOSING: {
    message: "This node stops serving.",
    advice: "Ask again in a moment, or another replica.",
    status: 503,
    exitCode: 1,
  },
  TRB_SERVE_CANNOT_LISTEN: {
    message: "Cannot listen on {host}, port {port} ({reason}).",
    advice: "Give an address of this machine with `--host` and a free port with `--port` (0 takes one).",
    status: 500,
    exitCode: 1,
  },
  TRB_SERVE_MODEL_UNUSABLE: {
    message: "The model can't be served: {reason}.",
    advice: "What was served before goes on. Look at the file that is named, or export the model again.",
    status: 500,
    exitCode: 1,
  },
});

import { defineErrors } from "../define.ts";

/** What `tributary node page` answers. No detail ever names a customer, an item of one, or a token. */
export const nodePageErrors = defineErrors({
  TRB_PAGE_LINK_USED: {
    message: "This link was used already, or belongs to another run of `tributary node page`.",
    advice: "Open the link that the command printed last; each opens the page in one browser.",
    status: 401,
    exitCode: 1,
  },
  TRB_PAGE_SESSION_MISSING: {
    message: "This browser has no session with this node's page.",
    advice: "Open the link that `tributary node page` printed last; start the command again if it has ended.",
    status: 401,
    exitCode: 1,
  },
  TRB_PAGE_REQUEST_FOREIGN: {
    message: "The request doesn't come from this node's own page: its {header} is another.",
    advice: "Open the page by the address that `tributary node page` prints, not by another name or through a proxy.",
    status: 403,
    exitCode: 1,
  },
  TRB_PAGE_REQUEST_INVALID: {
    message: "The request is malformed at {path}: {reason}.",
    advice: "Reload the page: it may be of another version than the node.",
    status: 400,
    exitCode: 1,
  },
  TRB_PAGE_ROUTE_UNKNOWN: {
    message: "The node's page has no such address.",
    advice: "Go to the page's beginning, /.",
    status: 404,
    exitCode: 1,
  },
  TRB_PAGE_POLICY_CHANGED: {
    message: "policy.json was changed since this form was opened.",
    advice: "Reload the form, look at what has changed, and make your changes again.",
    status: 409,
    exitCode: 1,
  },
  TRB_PAGE_BUSY: {
    message: "{what} is being made already.",
    advice: "Wait until it is there.",
    status: 409,
    exitCode: 1,
  },
});

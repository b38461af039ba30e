import { defineErrors } from "../define.ts";

export const accessErrors = defineErrors({
  TRB_ACCESS_REQUIRED: {
    message: "This is for operators, and the request shows no session or token that is valid now.",
    advice: "Log in, or send a token that is neither expired nor revoked: `authorization: Bearer trb_…`.",
    status: 401,
    exitCode: 1,
  },
  TRB_ACCESS_LOGIN_REFUSED: {
    message: "There is no operator of this name with this password.",
    advice: "Try again, or set a new password on the coordinator's machine: `tributary coordinator operator password`.",
    status: 401,
    exitCode: 1,
  },
  TRB_ACCESS_LOCKED: {
    message: "There were too many wrong passwords for this name; it is locked for {seconds} more seconds.",
    advice: "Wait, or set a new password on the coordinator's machine: `tributary coordinator operator password` unlocks it.",
    status: 429,
    exitCode: 1,
  },
  TRB_ACCESS_ROLE: {
    message: "This takes the role {least}, and the session or token has the role {role}.",
    advice: "Ask somebody who has that role, or have yours changed: `tributary coordinator operator role`.",
    status: 403,
    exitCode: 1,
  },
  TRB_ACCESS_SESSION_ONLY: {
    message: "This is done in a session, with a password; a token can't do it.",
    advice: "Log in first.",
    status: 403,
    exitCode: 1,
  },
  TRB_ACCESS_ORIGIN: {
    message: "The request comes with a session's cookie, and not from a page of this server: {reason}.",
    advice: "Send the header `x-tributary-operator: 1` from a page of this server; programs use a token instead.",
    status: 403,
    exitCode: 1,
  },
  TRB_ACCESS_PLAIN_HTTP: {
    message: "Operators' requests carry secrets, and this one came over plain HTTP from another machine.",
    advice: "Use https, or a tunnel to the coordinator's machine.",
    status: 403,
    exitCode: 1,
  },
  TRB_ACCESS_NAME_TAKEN: {
    message: "There is an operator or a token with the name {name} already.",
    advice: "Take another name: `tributary coordinator operator list` and `token list` show those that there are.",
    status: 409,
    exitCode: 1,
  },
  TRB_ACCESS_OPERATOR_UNKNOWN: {
    message: "There is no operator with the name {name}.",
    advice: "Look at who there is: `tributary coordinator operator list`.",
    status: 404,
    exitCode: 1,
  },
  TRB_ACCESS_TOKEN_UNKNOWN: {
    message: "There is no token {id}, or it is another's.",
    advice: "Look at which there are: `tributary coordinator token list`.",
    status: 404,
    exitCode: 1,
  },
  TRB_ACCESS_INVITE_UNKNOWN: {
    message: "There is no invite {id} that could still be used.",
    advice: "Look at which there are: `tributary coordinator invite --list`.",
    status: 404,
    exitCode: 1,
  },
  TRB_ACCESS_PASSWORD_WEAK: {
    message: "A password has {least} to {most} characters.",
    advice: "Take some words by chance; without `--password-file` the command makes a good one.",
    status: 422,
    exitCode: 2,
  },
  TRB_COORDINATOR_RATE_LIMITED: {
    message: "There were too many requests of this kind; more are taken in {seconds} seconds.",
    advice: "Ask again after `retry-after` seconds, and less often.",
    status: 429,
    exitCode: 1,
  },
  TRB_COORDINATOR_TLS_INVALID: {
    message: "The certificate in {cert} with the key in {key} can't be served: {reason}.",
    advice: "Give the certificate chain and its own private key, both as PEM, that this user can read.",
    status: 500,
    exitCode: 2,
  },
  TRB_COORDINATOR_PLAIN_HTTP: {
    message: "Without TLS the coordinator listens on this machine's own address only, and {host} is another.",
    advice:
      "Give `--tls-cert` and `--tls-key`, or `--trust-proxy` behind a proxy with TLS; `--insecure-http` is for test networks.",
    status: 500,
    exitCode: 2,
  },
  TRB_NODE_PLAIN_HTTP: {
    message:
      "The coordinator's address begins with http://, and {host} is another machine: whoever is between could read and change what is said.",
    advice: "Ask the platform for an invite with an https:// address; `--insecure-http` is for test networks.",
    status: 500,
    exitCode: 2,
  },
  TRB_NODE_CA_UNREADABLE: {
    message: "There is no certificate as PEM in {file}: {reason}.",
    advice: "Give the file with the certificate of the authority that signed the coordinator's.",
    status: 500,
    exitCode: 2,
  },
});

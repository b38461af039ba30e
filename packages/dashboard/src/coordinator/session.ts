/** Who looks at the page. A session that ended asks to log in again and keeps the view; what one may not do isn't offered, and the server refuses it anyway. */
import { signal } from "@preact/signals";
import type { OperatorRole } from "@tributary/protocol";
import { type AskOptions, ask, Refusal } from "../shared/request.ts";

export interface Who {
  readonly name: string;
  readonly role: OperatorRole;
}

/** Undefined until the server has said; null: nobody. */
export const who = signal<Who | null | undefined>(undefined);
/** Why somebody who was logged in here is asked to log in again. */
export const loggedOut = signal<"expired" | "password" | undefined>(undefined);

const roles: readonly OperatorRole[] = ["viewer", "auditor", "operator"];

/** Each role may do all that those before it may. */
export const mayDo = (least: OperatorRole): boolean =>
  who.value != null && roles.indexOf(who.value.role) >= roles.indexOf(least);

/** The roles that one may give away: one's own, and lesser ones. */
export const grantable = (): readonly OperatorRole[] => roles.filter(mayDo);

/** No page of another origin can send it without being asked first: the server takes a session's word only beside it. */
const ownPage = { "x-tributary-operator": "1" };

/** A request as whoever is logged in. @throws Refusal */
export async function asOperator<Answer>(path: string, options: AskOptions = {}): Promise<Answer> {
  try {
    return await ask<Answer>(`/v1/operators/${path}`, { ...options, headers: { ...options.headers, ...ownPage } });
  } catch (error) {
    if (error instanceof Refusal && error.code === "TRB_ACCESS_REQUIRED") {
      if (who.value != null) loggedOut.value = "expired";
      who.value = null;
    }
    throw error;
  }
}

/** @throws Refusal when the server is gone */
export async function findWho(): Promise<void> {
  try {
    who.value = await asOperator<Who>("me");
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "TRB_ACCESS_REQUIRED") throw error;
  }
}

/** @throws Refusal */
export async function logIn(name: string, password: string): Promise<void> {
  who.value = await asOperator<Who>("login", { method: "POST", body: { name, password } });
  loggedOut.value = undefined;
}

/** @throws Refusal */
export async function logOut(): Promise<void> {
  await asOperator<undefined>("logout", { method: "POST" });
  who.value = null;
}

/** All sessions of the account end with it. @throws Refusal */
export async function changePassword(body: {
  readonly current: string;
  readonly next: string;
  readonly reason: string;
}): Promise<void> {
  await asOperator<undefined>("password", { method: "POST", body });
  loggedOut.value = "password";
  who.value = null;
}

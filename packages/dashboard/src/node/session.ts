/**
 * The way in: the address that the command printed ends in a token, which is exchanged for a cookie that no script reads, and is taken out of the address before anything else
 * happens. Whoever has no session, or none any more because the command was started anew, is told what to open.
 */
import { signal } from "@preact/signals";
import { type AskOptions, ask, Refusal } from "../shared/request.ts";

/** `opening` until it is known; a refusal where nobody was let in. */
export const session = signal<"opening" | "open" | Refusal>("opening");

const tokenForm = /^#([A-Za-z0-9_-]{43})$/;

let token: string | undefined;

/** Takes the token out of the address. Called before anything takes the address for a view. */
export function takeToken(): void {
  token = tokenForm.exec(location.hash)?.[1];
  if (token !== undefined) history.replaceState(null, "", `${location.pathname}${location.search}#/`);
}

export async function beginSession(): Promise<void> {
  const told = token;
  token = undefined;
  try {
    if (told !== undefined) await ask("/api/session", { method: "POST", body: { token: told } });
    await ask("/api/overview");
    session.value = "open";
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // a link that was used already: by this very browser, perhaps, and then its cookie is good
    if (error.code === "TRB_PAGE_LINK_USED" && told !== undefined) return beginSession();
    session.value = error;
  }
}

// another link may be pasted into the window that waits for one
addEventListener("hashchange", () => {
  if (session.value === "open" || !tokenForm.test(location.hash)) return;
  takeToken();
  void beginSession();
});

/** `ask`, by whoever has a session; one that ends meanwhile shows the way in again. @throws Refusal */
export async function askNode<Answer>(path: string, options: AskOptions = {}): Promise<Answer> {
  try {
    return await ask<Answer>(path, options);
  } catch (error) {
    if (error instanceof Refusal && error.code === "TRB_PAGE_SESSION_MISSING") session.value = error;
    throw error;
  }
}

/** What is answered by something that was sent. @throws Refusal */
export const tellNode = <Answer>(path: string, body?: unknown): Promise<Answer> =>
  askNode<Answer>(path, { method: "POST", ...(body === undefined ? {} : { body }) });

/** A refusal as people read it: what happened, what to do about it, and the code under which the handbook explains it. */
import type { Refusal } from "./request.ts";

export function RefusalNotice({ refusal }: { readonly refusal: Pick<Refusal, "code" | "message" | "advice"> }) {
  return (
    <div class="banner bad" role="alert">
      <p>{refusal.message}</p>
      {refusal.advice !== "" && <p>{refusal.advice}</p>}
      <p>
        <code>{refusal.code}</code>
      </p>
    </div>
  );
}

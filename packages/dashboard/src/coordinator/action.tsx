/** Something that changes the federation: a button, a dialog that says what it does and asks why, and what the server answered. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { RefusalNotice } from "../shared/notice.tsx";
import { Refusal } from "../shared/request.ts";
import { common } from "./words.ts";

export interface ActionProps {
  readonly label: string;
  /** What it does, in a sentence. */
  readonly does: string;
  readonly danger?: boolean;
  /** Whether a reason is asked for; default: yes. */
  readonly reasoned?: boolean;
  /** Further fields of the form. */
  readonly children?: ComponentChildren;
  /** @throws Refusal */
  act(form: FormData): Promise<unknown>;
  done?(): void;
}

export function Action({ label, does, danger = false, reasoned = true, children, act, done }: ActionProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const refusal = useSignal<Refusal | undefined>(undefined);
  const busy = useSignal(false);

  async function submit(form: HTMLFormElement): Promise<void> {
    busy.value = true;
    try {
      await act(new FormData(form));
      refusal.value = undefined;
      form.reset();
      dialog.current?.close();
      done?.();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal.value = error;
    } finally {
      busy.value = false;
    }
  }

  return (
    <>
      <button type="button" class={danger ? "danger" : undefined} onClick={() => dialog.current?.showModal()}>
        {label}
      </button>
      <dialog ref={dialog} aria-label={label}>
        <h3>{label}</h3>
        <p class="lead">{does}</p>
        {refusal.value !== undefined && <RefusalNotice refusal={refusal.value} />}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void submit(event.currentTarget);
          }}
        >
          {children}
          {reasoned && (
            <label class="field">
              <span class="label">{common.reason()}</span>
              <input name="reason" maxLength={256} />
              <small>{common.reasonHint()}</small>
            </label>
          )}
          <div class="row">
            <button type="submit" class={danger ? "danger" : "main"} disabled={busy.value}>
              {label}
            </button>
            <button type="button" onClick={() => dialog.current?.close()}>
              {common.cancel()}
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}

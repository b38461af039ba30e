/** What may be wider than the window, a table mostly: it scrolls sideways by itself, by keys as well, and the page doesn't. */
import type { ComponentChildren } from "preact";

export function Scroll({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      {children}
    </div>
  );
}

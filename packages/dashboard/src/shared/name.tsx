/** A stranger's name: isolated, so that its direction stays its own, and without what could trick the eye. */
import { shownName } from "./format.ts";

export function Name({ children }: { readonly children: string }) {
  const name = shownName(children);
  return (
    <bdi class="name" title={name}>
      {name}
    </bdi>
  );
}

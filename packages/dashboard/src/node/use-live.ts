/** What a view keeps asking for while it is shown. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { type Live, live } from "../shared/live.ts";
import { askNode } from "./session.ts";

/**
 * @param every milliseconds; infinite: only when `stamp` changes
 * @param stamp of what the answer depends on
 */
export function useLive<Answer>(path: string, every = Number.POSITIVE_INFINITY, stamp: string | null = ""): Live<Answer> {
  const asked = useMemo(() => live<Answer>((signal) => askNode<Answer>(path, { signal }), { every }), [path, every]);
  useEffect(() => () => asked.stop(), [asked]);
  const before = useRef(stamp);
  useEffect(() => {
    if (before.current !== stamp) void asked.refresh();
    before.current = stamp;
  }, [stamp, asked]);
  return asked;
}

/**
 * A table of any length that draws only the rows in view: rows of one height, found by scroll position alone. A screen reader is told how many rows
 * there are and which is which; arrows, Page Up and Down, Home and End move the chosen row.
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { rowAfter, rowsInView } from "./rows-in-view.ts";

interface Column<Row> {
  readonly id: string;
  readonly title: string;
  /** As in `grid-template-columns`: "6rem", "1fr". */
  readonly width: string;
  readonly end?: boolean;
  cell(row: Row): ComponentChildren;
}

export interface VirtualTableProps<Row> {
  /** What the table is, for who doesn't see it. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly count: number;
  /** Of the row at a place; undefined while it isn't known yet. */
  row(place: number): Row | undefined;
  /** CSS height of the whole; default 60vh. */
  readonly height?: string;
  /** Below this width, in rem, it scrolls sideways. */
  readonly leastWidth?: number;
  readonly chosen?: number;
  onChoose?(place: number): void;
  /** Rows that something is wrong with. */
  isBad?(row: Row): boolean;
}

const rowHeight = 34;

export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { label, columns, count, row, height = "60vh", leastWidth = 30, chosen, onChoose, isBad } = props;
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const space = useSignal(600);
  useEffect(() => {
    const { current } = box;
    if (current === null) return undefined;
    const watch = new ResizeObserver(() => {
      space.value = current.clientHeight;
    });
    watch.observe(current);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const { current } = box;
    if (current === null || chosen === undefined) return;
    const [above, below] = [chosen * rowHeight, (chosen + 2) * rowHeight - current.clientHeight];
    if (current.scrollTop > above) current.scrollTop = above;
    else if (current.scrollTop < below) current.scrollTop = below;
  }, [chosen]);

  const { first, last } = rowsInView({ count, rowHeight, top: top.value, space: space.value });
  const template = { gridTemplateColumns: columns.map(({ width }) => width).join(" "), minWidth: `${leastWidth}rem` };
  const rows = [];
  for (let place = first; place < last; place++) {
    const content = row(place);
    const bad = content !== undefined && isBad?.(content) === true;
    rows.push(
      <div
        key={place}
        id={`${label}-${place}`}
        role="row"
        class={bad ? "virtual-row bad" : "virtual-row"}
        aria-rowindex={place + 2}
        aria-selected={onChoose === undefined ? undefined : place === chosen}
        style={{ ...template, height: `${rowHeight}px` }}
        onClick={() => onChoose?.(place)}
      >
        {columns.map(({ id, end, cell }) => (
          <span key={id} role="gridcell" class={end === true ? "end" : undefined}>
            {content === undefined ? "…" : cell(content)}
          </span>
        ))}
      </div>,
    );
  }
  return (
    <div
      ref={box}
      class="virtual"
      role="grid"
      aria-label={label}
      aria-rowcount={count + 1}
      aria-activedescendant={chosen === undefined || chosen < first || chosen >= last ? undefined : `${label}-${chosen}`}
      tabIndex={0}
      style={{ height: `min(${height}, ${(count + 1) * rowHeight + 4}px)` }}
      onScroll={({ currentTarget }) => {
        // drawn anew when another row comes into view, not at every pixel
        top.value = Math.floor(currentTarget.scrollTop / rowHeight) * rowHeight;
      }}
      onKeyDown={(event) => {
        const page = Math.max(1, Math.floor(space.value / rowHeight) - 2);
        const next = onChoose === undefined ? undefined : rowAfter(event.key, { chosen, count, page });
        if (next === undefined) return;
        event.preventDefault();
        onChoose?.(next);
      }}
    >
      <div class="virtual-row virtual-head" role="row" aria-rowindex={1} style={{ ...template, height: `${rowHeight}px` }}>
        {columns.map(({ id, title, end }) => (
          <span key={id} role="columnheader" class={end === true ? "end" : undefined}>
            {title}
          </span>
        ))}
      </div>
      <div role="presentation" style={{ height: `${first * rowHeight}px` }} />
      {rows}
      <div role="presentation" style={{ height: `${(count - last) * rowHeight}px` }} />
    </div>
  );
}

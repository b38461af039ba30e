/** Rounds across, nodes down, on a canvas that draws what is in view, once a frame at most. Arrows move the chosen cell, which is said in words below the map. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { formatNumber } from "../../shared/format.ts";
import { language, say, type Text, texts } from "../../shared/language.ts";
import { Name } from "../../shared/name.tsx";
import { colour, isDark } from "../../shared/theme.ts";
import { cellAfter, cellAt, cellSize, cellsInView, type MapSize } from "../cohort-layout.ts";
import type { LedgerRow } from "../ledger/words.ts";

const t = texts({
  label: (rounds: string, nodes: string) => ({
    en: `Map of ${rounds} rounds and ${nodes} nodes. Arrow keys choose a cell.`,
    zh: `${rounds} 轮 × ${nodes} 个节点的地图。用方向键选择单元格。`,
  }),
  choose: { en: "Choose a cell to read who it is.", zh: "选择一个单元格查看详情。" },
  cell: (round: string) => ({ en: `Round ${round},`, zh: `第 ${round} 轮，` }),
});

/** By `part`. */
export const partWords: readonly Text[] = [
  { en: "not in this round", zh: "未参与本轮" },
  { en: "in the sum", zh: "计入总和" },
  { en: "dropped out before its shares", zh: "在分发份额前退出" },
  { en: "dropped out before its vector", zh: "在上传向量前退出" },
  { en: "in a round that was given up", zh: "所在轮次被放弃" },
  { en: "barred: it refused to reveal its randomness", zh: "被排除：拒绝公开随机数" },
];
export const partColours = ["sunken", "good", "warn", "second", "soft", "bad"] as const;

export interface CohortMapProps {
  readonly rows: readonly LedgerRow[];
  readonly nodes: readonly string[];
}

export function CohortMap({ rows, nodes }: CohortMapProps) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const chosen = useSignal<{ readonly round: number; readonly node: number } | undefined>(undefined);
  const cell = useSignal(8);
  const dark = isDark();
  const size: MapSize = { rounds: rows.length, nodes: nodes.length, cell: cell.value };
  const draw = useRef<() => void>(() => undefined);

  useEffect(() => {
    const [outer, surface] = [box.current, canvas.current];
    const context = surface?.getContext("2d");
    if (outer === null || surface === null || context == null) return undefined;
    const colours = partColours.map(colour);
    const [ring, ground] = [colour("accent"), colour("card")];
    let frame = 0;

    function paint(): void {
      frame = 0;
      if (outer === null || surface === null || context == null) return;
      const [width, height, scale] = [outer.clientWidth, outer.clientHeight, devicePixelRatio];
      if (surface.width !== Math.round(width * scale) || surface.height !== Math.round(height * scale)) {
        surface.width = Math.round(width * scale);
        surface.height = Math.round(height * scale);
        surface.style.width = `${width}px`;
        surface.style.height = `${height}px`;
      }
      const [left, top] = [outer.scrollLeft, outer.scrollTop];
      const range = cellsInView(size, { left, top, width, height });
      context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
      context.clearRect(left, top, width, height);
      const side = size.cell - 1;
      const [right, bottom] = [range.endRound * size.cell, range.endNode * size.cell];
      // nodes that fared alike are one stroke, and the gaps between cells are drawn over them: a thousand strokes instead of twenty thousand
      for (let round = range.firstRound; round < range.endRound; round++) {
        const parts = rows[round]?.parts;
        for (let node = range.firstNode; node < range.endNode; ) {
          const part = parts?.[node] ?? 0;
          const first = node;
          while (node < range.endNode && (parts?.[node] ?? 0) === part) node += 1;
          context.fillStyle = colours[part] ?? ground;
          context.fillRect(round * size.cell, first * size.cell, side, (node - first) * size.cell);
        }
      }
      context.fillStyle = ground;
      for (let node = range.firstNode; node < range.endNode; node++) {
        context.fillRect(left, (node + 1) * size.cell - 1, Math.min(width, right - left), 1);
      }
      for (let round = range.firstRound; round < range.endRound; round++) {
        context.fillRect((round + 1) * size.cell - 1, top, 1, Math.min(height, bottom - top));
      }
      if (chosen.value !== undefined) {
        context.strokeStyle = ring;
        context.lineWidth = 2;
        context.strokeRect(chosen.value.round * size.cell - 1, chosen.value.node * size.cell - 1, side + 2, side + 2);
      }
    }
    const schedule = () => {
      if (frame === 0) frame = requestAnimationFrame(paint);
    };
    draw.current = schedule;
    const watch = new ResizeObserver(() => {
      cell.value = cellSize(size, { width: outer.clientWidth, height: outer.clientHeight });
      schedule();
    });
    watch.observe(outer);
    outer.addEventListener("scroll", schedule, { passive: true });
    schedule();
    return () => {
      cancelAnimationFrame(frame);
      watch.disconnect();
      outer.removeEventListener("scroll", schedule);
    };
  }, [rows, nodes, dark, cell.value]);

  function choose(next: { readonly round: number; readonly node: number } | undefined): void {
    chosen.value = next;
    const outer = box.current;
    if (outer !== null && next !== undefined) {
      const [x, y, side] = [next.round * size.cell, next.node * size.cell, size.cell];
      if (x < outer.scrollLeft) outer.scrollLeft = x;
      else if (x + side > outer.scrollLeft + outer.clientWidth) outer.scrollLeft = x + side - outer.clientWidth;
      if (y < outer.scrollTop) outer.scrollTop = y;
      else if (y + side > outer.scrollTop + outer.clientHeight) outer.scrollTop = y + side - outer.clientHeight;
    }
    draw.current();
  }

  const lang = language.value;
  const at = chosen.value;
  return (
    <>
      <div
        ref={box}
        class="map"
        role="application"
        aria-label={t.label(formatNumber(size.rounds, lang), formatNumber(size.nodes, lang))}
        aria-describedby="map-cell"
        tabIndex={0}
        style={{ height: `min(56vh, 34rem, ${size.nodes * size.cell + 20}px)` }}
        onKeyDown={(event) => {
          const next = cellAfter(event.key, chosen.value ?? { round: -1, node: 0 }, size);
          if (next === undefined) return;
          event.preventDefault();
          choose(next);
        }}
        onClick={(event) => {
          const { left, top } = event.currentTarget.getBoundingClientRect();
          const { scrollLeft, scrollTop } = event.currentTarget;
          choose(cellAt(size, event.clientX - left + scrollLeft, event.clientY - top + scrollTop));
        }}
      >
        <canvas ref={canvas} />
        <div class="extent" style={{ width: `${size.rounds * size.cell}px`, height: `${size.nodes * size.cell}px` }} />
      </div>
      <p id="map-cell" class="legend" role="status">
        {at === undefined ? (
          <span class="soft">{t.choose()}</span>
        ) : (
          <span>
            {t.cell(formatNumber(rows[at.round]?.round ?? 0, lang))} <Name>{nodes[at.node] ?? ""}</Name>:{" "}
            {say(partWords[rows[at.round]?.parts?.[at.node] ?? 0] ?? { en: "", zh: "" })}
          </span>
        )}
      </p>
    </>
  );
}

/** Small things that several views show. */
import type { PageItem, Problem } from "@tributary/protocol";
import type { ComponentChildren } from "preact";
import { formatEpsilon, formatNumber, shownName } from "../shared/format.ts";
import { language } from "../shared/language.ts";
import { RefusalNotice } from "../shared/notice.tsx";
import { Refusal } from "../shared/request.ts";
import { english, t } from "./words.ts";

export const number = (value: number, digits?: number): string => formatNumber(value, language.value, digits);
export const epsilon = (value: number): string => formatEpsilon(value, language.value);

/** What is left is rounded down, as what is spent is rounded up: nobody is promised more than there is. */
export const epsilonLeft = (value: number): string =>
  value > 0
    ? new Intl.NumberFormat(language.value === "zh" ? "zh-CN" : "en", { maximumFractionDigits: 3 }).format(
        Math.floor(value * 1000 + 1e-9) / 1000,
      )
    : "0";

/** A command to type, in one piece. */
export function Command({ children }: { readonly children: string }) {
  return (
    <pre class="command" tabIndex={0}>
      <code>{children}</code>
    </pre>
  );
}

/** A refusal that came inside of an answer. */
export function ProblemNotice({ problem, quiet = false }: { readonly problem: Problem; readonly quiet?: boolean }) {
  if (quiet) {
    return (
      <p class="soft" lang={english()}>
        {shownText(problem.detail)} <code>{problem.code}</code>
      </p>
    );
  }
  return (
    <div lang={english()}>
      <RefusalNotice
        refusal={new Refusal(problem.code, shownText(problem.detail), shownText(problem.advice), problem.status)}
      />
    </div>
  );
}

/** Sentences may hold names of strangers: no more of them turns the direction of writing. */
export const shownText = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, "\u{fffd}");

/** What an answer is waited for, or why there is none. */
export function Waiting({ failure }: { readonly failure: Refusal | undefined }) {
  if (failure === undefined || failure.code === "TRB_API_UNREACHABLE") return <p class="soft">{t.loading()}</p>;
  return (
    <div lang={english()}>
      <RefusalNotice refusal={failure} />
    </div>
  );
}

/** A merchant's item: its title, or its SKU, or its id. Whatever stands in a catalogue is shown as a name and nothing else. */
export function Item({ item }: { readonly item: PageItem }) {
  const name = itemName(item);
  const ids = [item.sku, item.item].filter((id) => id !== null).map(shownName);
  return (
    <bdi class="name" title={[name, ...ids].join(" · ")}>
      {name}
    </bdi>
  );
}

export const itemName = ({ title, sku, item }: PageItem): string => shownName(title ?? sku ?? item);

export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly interval?: readonly [number, number];
  /** Another colour. */
  readonly marked?: boolean;
}

/** Bars with their numbers, and intervals where there are any; a table for who doesn't see them. */
export function Bars({
  label,
  unit,
  bars,
  show = number,
}: {
  readonly label: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
  show?(value: number): string;
}) {
  const most = Math.max(1e-12, ...bars.map(({ value, interval }) => Math.max(value, interval?.[1] ?? 0)));
  const share = (value: number) => `${(100 * Math.max(0, value)) / most}%`;
  return (
    <table class="bars">
      <caption>{label}</caption>
      <thead class="unseen">
        <tr>
          <th scope="col">{label}</th>
          <th scope="col">{unit}</th>
        </tr>
      </thead>
      <tbody>
        {bars.map(({ name, value, interval, marked }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <span class="track" aria-hidden="true">
                <i class={marked === true ? "marked" : undefined} style={{ width: share(value) }} />
                {interval !== undefined && (
                  <b style={{ left: share(interval[0]), width: `calc(${share(interval[1])} - ${share(interval[0])})` }} />
                )}
              </span>
              <span class="num">
                {show(value)}
                {interval !== undefined && (
                  <span class="soft">
                    {" "}
                    [{show(interval[0])}, {show(interval[1])}]
                  </span>
                )}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Figure({
  label,
  children,
  below,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
  readonly below?: ComponentChildren;
}) {
  return (
    <div class="card">
      <p class="soft">{label}</p>
      <p class="figure num">{children}</p>
      {below !== undefined && <p class="soft">{below}</p>}
    </div>
  );
}

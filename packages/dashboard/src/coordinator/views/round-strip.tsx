/** The last rounds as a strip: a bar each, as high as it took long; those that were given up are short, hatched and red. */
import { formatDuration, formatNumber } from "../../shared/format.ts";
import { language, texts } from "../../shared/language.ts";
import type { Status } from "../api.ts";

type Figures = Status["history"][number];

/** Rounds shown, at most. */
const most = 40;

const t = texts({
  label: (rounds: string, released: string, given: string) => ({
    en: `The last ${rounds} rounds: ${released} released, ${given} given up`,
    zh: `最近 ${rounds} 轮：发布 ${released}，放弃 ${given}`,
  }),
  one: (round: string, outcome: string) => ({ en: `Round ${round}: ${outcome}`, zh: `第 ${round} 轮：${outcome}` }),
  released: (took: string) => ({ en: `released after ${took}`, zh: `${took}后发布` }),
  given: (code: string) => ({ en: `given up, ${code}`, zh: `已放弃，${code}` }),
  underWay: { en: "under way", zh: "进行中" },
});

export function RoundStrip({ history }: { readonly history: readonly Figures[] }) {
  const lang = language.value;
  const last = history.slice(-most);
  if (last.length === 0) return null;
  const number = (value: number) => formatNumber(value, lang);
  const longest = Math.max(...last.map(({ seconds }) => seconds ?? 0), 1e-9);
  const [released, given] = [true, false].map((which) => last.filter((round) => round.released === which).length);
  const label = t.label(number(last.length), number(released ?? 0), number(given ?? 0));
  const outcomeOf = ({ released, seconds, code }: Figures) =>
    released === null ? t.underWay() : released ? t.released(formatDuration(seconds ?? 0, lang)) : t.given(code ?? "–");
  return (
    <>
      <div class="strip" role="img" aria-label={label} data-test="strip">
        {last.map((round) => (
          <i
            key={round.round}
            class={round.released === null ? "now" : round.released ? "released" : "given-up"}
            title={t.one(number(round.round), outcomeOf(round))}
            style={round.released === true ? { height: `${Math.max(20, (100 * (round.seconds ?? 0)) / longest)}%` } : undefined}
          />
        ))}
      </div>
      <p class="soft" aria-hidden="true">
        {label}
      </p>
    </>
  );
}

/** Light or dark: as the system has it unless somebody chose here. The colours themselves are `base.css`, by `light-dark()`. */
import { effect, signal } from "@preact/signals";
import { kept } from "./kept.ts";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const isTheme = (value: unknown): value is Theme => themes.some((one) => one === value);

function firstTheme(): Theme {
  const asked = new URLSearchParams(location.search).get("theme") ?? kept("theme");
  return isTheme(asked) ? asked : "system";
}

export const theme = signal<Theme>(firstTheme());

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(systemDark.matches);
systemDark.addEventListener("change", ({ matches }) => {
  systemIsDark.value = matches;
});

/** For what is drawn on canvases, which no style sheet reaches: read it while drawing, and draw again when it changes. */
export const isDark = (): boolean => theme.value === "dark" || (theme.value === "system" && systemIsDark.value);

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});

/** A colour of `base.css` by its name without dashes, as canvases want it. */
export function colour(name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

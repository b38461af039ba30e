/** Choices of whoever looks at the page, kept in this browser where it lets us: a browser that doesn't has them for the visit alone. */
type Choice = "language" | "theme";

const visit = new Map<string, string>();

export function kept(name: Choice): string | null {
  try {
    return localStorage.getItem(`tributary.${name}`);
  } catch (_) {
    return visit.get(name) ?? null;
  }
}

export function keep(name: Choice, value: string): void {
  visit.set(name, value);
  try {
    localStorage.setItem(`tributary.${name}`, value);
  } catch (_) {
    // private windows and full disks refuse; `visit` has it
  }
}

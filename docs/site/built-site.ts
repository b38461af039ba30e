/** What must hold of a built site: it asks nobody else for anything, and every link leads to a page, and to a place of it, that is there. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

const attribute = (name: string) => new RegExp(`<(\\w+)\\b[^>]*?\\s${name}="([^"]*)"`, "g");
/** Elements that a browser follows by itself; a link waits for somebody to click on it. */
const asking = ["link", "script", "img", "source", "iframe", "video", "audio", "object", "embed"];

const unescaped = (text: string) =>
  text
    .replaceAll("&amp;", "&")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");

/** @returns one sentence for each fault, none for a site in order. `skipped` are folders whose links their own maker has checked */
export function faultsOfSite(folder: string, skipped: readonly string[] = []): string[] {
  const all = globSync("**/*.html", { cwd: folder });
  const pages = new Map(all.map((page) => [page, readFileSync(join(folder, page), "utf8")]));
  const places = new Map<string, ReadonlySet<string>>();
  const placesOf = (page: string) => {
    const known =
      places.get(page) ??
      new Set(Array.from((pages.get(page) ?? "").matchAll(attribute("id")), ([, , id = ""]) => unescaped(id)));
    places.set(page, known);
    return known;
  };
  return all.flatMap((page) => {
    const text = pages.get(page) ?? "";
    return [...requests(page, text), ...(skipped.some((one) => page.startsWith(`${one}/`)) ? [] : dead(page, text))];
  });

  function requests(page: string, text: string): string[] {
    const found = [...text.matchAll(attribute("src")), ...text.matchAll(attribute("href"))];
    return found
      .filter(([, element = "", target = ""]) => asking.includes(element) && /^(https?:)?\/\//.test(target))
      .map(([, element, target]) => `${page}: <${element}> asks ${target}`);
  }

  function dead(page: string, text: string): string[] {
    return Array.from(text.matchAll(attribute("href"))).flatMap(([, element, target = ""]) => {
      if (element !== "a" || /^([a-z]+:|\/\/)/i.test(target)) return [];
      const [file = "", place = ""] = unescaped(target).split("#").map(decodeURIComponent);
      const from = file.startsWith("/") ? file.slice(1) : posix.join(dirname(page), file);
      const path = file === "" ? page : posix.normalize(from === "" || from.endsWith("/") ? `${from}index.html` : from);
      if (!existsSync(join(folder, path))) return [`${page}: the link to ${target} leads nowhere`];
      if (place === "" || !path.endsWith(".html") || placesOf(path).has(place)) return [];
      return [`${page}: ${path} has no place ${place}`];
    });
  }
}

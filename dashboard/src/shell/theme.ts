/** Light or dark: as the system says, unless the viewer chose. Kept in this browser only. */

export type Theme = "system" | "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];
const STORED = "edge-limiter-theme";

export function storedTheme(): Theme {
  try {
    const stored = localStorage.getItem(STORED);
    return THEMES.find((theme) => theme === stored) ?? "system";
  } catch {
    return "system";
  }
}

/** Sets it for the whole page: page.css goes by the attribute. */
export function applyTheme(theme: Theme): void {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = theme;
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    // A browser that keeps nothing: it holds until the page is left.
  }
}

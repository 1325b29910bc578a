/** The colour theme: the system's, unless the viewer chose one. Stored in this browser only. */

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

/** Sets the theme of the whole page, by an attribute that page.css reads, and stores it. */
export function applyTheme(theme: Theme): void {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = theme;
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    // Without storage, the theme lasts until the page is left.
  }
}

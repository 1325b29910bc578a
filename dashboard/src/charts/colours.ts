/** The theme's colours for a canvas, which knows no custom properties; and when they change. */
import type { ColourToken } from "./chart-model.ts";

/** What `token` looks like now. A probe resolves it: the property's own text may be light-dark(…). */
export function colourOf(token: ColourToken, host: HTMLElement): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  host.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Tells of each change of the theme, chosen here or by the system. @returns stops it. */
export function onThemeChange(changed: () => void): () => void {
  const chosen = new MutationObserver(changed);
  chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", changed);
  return () => {
    chosen.disconnect();
    system.removeEventListener("change", changed);
  };
}

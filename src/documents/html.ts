/** HTML by tagged templates: every value is escaped unless it is HTML itself, so no text can become markup. */

/** Markup. Only {@link html} and {@link markup} make it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type HtmlValue = string | Html | readonly Html[];

/** A template whose strings are escaped, for text and for attributes in double quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts.map((part, index) => part + textOf(values[index] ?? "")).join(""));
}

/** Text that is markup already. Never call it with anything but a constant. */
export function markup(text: string): Html {
  return new Html(text);
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function textOf(value: HtmlValue): string {
  if (typeof value === "string") return value.replaceAll(/[&<>"]/g, (char) => ENTITIES[char] ?? char);
  return value instanceof Html ? value.text : value.map(({ text }) => text).join("");
}

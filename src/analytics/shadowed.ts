/** What would have rejected a request that passed: limits in shadow, and other things in shadow. As a field of its point, and as a reason. */

/** Between two names. No name contains it. */
const SEPARATOR = ";";

/** The field `shadowed`: "" if nothing would have rejected it. */
export function shadowedText(names: readonly string[]): string {
  return names.join(SEPARATOR);
}

export function shadowedNames(text: string): string[] {
  return text === "" ? [] : text.split(SEPARATOR);
}

/** The reason of an allowed request that this would have rejected. */
export function shadowReason(name: string): string {
  return `shadow:${name}`;
}

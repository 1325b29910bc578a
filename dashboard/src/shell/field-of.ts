/** What was entered in a field of a form, without the space around it; "" if there is no such field. */
export function fieldOf(fields: FormData, name: string): string {
  return String(fields.get(name) ?? "").trim();
}

/** A value of the API as people read it. Pure. */
import { isRecord } from "../shell/api-client.ts";

/** "" for nothing. An error is its kind and its detail: "total differs: Stripe's total is 5 EUR". */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(valueText).join("; ");
  if (!isRecord(value)) return JSON.stringify(value);
  const { kind, detail } = value;
  if (typeof kind === "string" && typeof detail === "string") {
    return kind.replaceAll("_", " ") + (detail === "" ? "" : `: ${detail}`);
  }
  return Object.entries(value)
    .map(([name, of]) => `${name}: ${valueText(of) || "none"}`)
    .join(", ");
}

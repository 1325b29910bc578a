/** What a form can show of a schema, and values to begin with. Pure. */
import { isRecord } from "../../shell/api-client.ts";
import { fieldOf, itemOf, type JsonSchema, optionsOf, type SchemaNode } from "../editor/json-schema.ts";

/** A field by itself; an object, which may be one of several alternatives; a list of objects. Null: neither. */
type Kind = "field" | "part" | "list" | null;

/** How a form shows a value of this schema. */
export function kindOf(schema: JsonSchema, node: SchemaNode): Kind {
  if (node.oneOf.length > 0 || Object.keys(node.properties).length > 0) return "part";
  if (["string", "number", "integer", "boolean"].includes(node.type)) return "field";
  if (node.type !== "array") return null;
  const item = kindOf(schema, itemOf(schema, node));
  return item === "part" ? "list" : item;
}

/** The names of the fields of each kind, but those in `except`. */
export function fieldsOf(schema: JsonSchema, node: SchemaNode, except: readonly string[]) {
  const names = Object.keys(node.properties).filter((name) => !except.includes(name));
  const are = (kind: Kind) => names.filter((name) => kindOf(schema, fieldOf(schema, node, name)) === kind);
  return { fields: are("field"), parts: are("part"), lists: are("list") };
}

/** A number or amounts by name as one line: "2" or "requests 1, tokens 4000". */
export function amountsText(value: unknown): string {
  if (!isRecord(value)) return value === undefined || value === null ? "" : String(value);
  return Object.entries(value)
    .map(([name, amount]) => `${name} ${String(amount)}`)
    .join(", ");
}

/** The value of such a line. What is neither stays a text: the validation says so. */
export function readAmounts(line: string): unknown {
  if (!Number.isNaN(Number(line))) return Number(line);
  const pairs = line.split(",").map((part) => part.trim().split(/\s+/));
  const isAmounts = pairs.every(([, amount, ...more]) => more.length === 0 && !Number.isNaN(Number(amount)));
  return isAmounts ? Object.fromEntries(pairs.map(([name, amount]) => [name, Number(amount)])) : line;
}

/** A value to begin with: the first that is listed, or an empty one, with the required fields of an object. */
export function firstValue(schema: JsonSchema, node: SchemaNode): unknown {
  const [option] = optionsOf(schema, node);
  if (option) return firstValue(schema, option.node);
  if (node.isNullable) return null;
  if (node.type === "object") {
    return Object.fromEntries(
      node.required.map((name) => [name, firstValue(schema, fieldOf(schema, node, name))]),
    );
  }
  if (node.type === "array") return [];
  if (node.type === "boolean") return false;
  return node.values[0] ?? (node.type === "string" ? "" : 0);
}

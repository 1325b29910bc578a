/**
 * The JSON Schema of a policy, from the OpenAPI document that the Worker serves: the one source of field names, values and descriptions for
 * completion, hints and the form. Pure but for the call.
 */
import { type ApiOutcome, call, isRecord } from "../../shell/api-client.ts";
import { keysOf } from "./json-pointer.ts";

/** The schemas of the document, by name. */
export interface JsonSchema {
  readonly components: Readonly<Record<string, unknown>>;
  /** Of the whole policy. */
  readonly root: SchemaNode;
}

/** The parts of a schema that are used here. */
export interface SchemaNode {
  readonly type: string;
  /** Whether it may be null instead. */
  readonly isNullable: boolean;
  readonly description: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required: readonly string[];
  /** The values that it allows, if they are listed. */
  readonly values: readonly (string | number)[];
  readonly items: unknown;
  readonly additional: unknown;
  /** Of a number: whether it may be amounts by name instead, as a cost by unit. */
  readonly hasAmounts: boolean;
  readonly oneOf: readonly unknown[];
  /** The only field of an object that it may be instead, such as the tier that a rule gives; null: there is none. */
  readonly insteadField: string | null;
}

const OPENAPI = "/api/v1/openapi.json";
const REFERENCE = "#/components/schemas/";
const ROOT = "Policy";

export const loadSchema = (signal: AbortSignal): Promise<ApiOutcome<JsonSchema>> =>
  call("GET", OPENAPI, parseSchema, { signal });

/** The policy's schema in an OpenAPI document; null if it has none. */
export function parseSchema(document: unknown): JsonSchema | null {
  const { components: parts } = recordOf(document);
  const components = recordOf(recordOf(parts)["schemas"]);
  return isRecord(components[ROOT]) ? { components, root: nodeOf(components, components[ROOT]) } : null;
}

/**
 * The schema of the value at a pointer; null if the schema has none there. `document` chooses between alternatives: the kind of a limit.
 * An unknown kind gives the fields of all.
 */
export function schemaAt(
  schema: JsonSchema,
  pointer: string,
  valueOf: (pointer: string) => unknown,
): SchemaNode | null {
  let node: SchemaNode = schema.root;
  let path = "";
  for (const key of keysOf(pointer)) {
    path = `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const child = Object.hasOwn(node.properties, key)
      ? node.properties[key]
      : (node.items ?? node.additional);
    if (!isRecord(child)) return null;
    node = chosen(schema, nodeOf(schema.components, child), valueOf(path));
  }
  return node;
}

function chosen(schema: JsonSchema, node: SchemaNode, value: unknown): SchemaNode {
  if (node.oneOf.length === 0) return node;
  const options = node.oneOf.map((option) => nodeOf(schema.components, option));
  const tag = tagOf(schema, options);
  const tagged = recordOf(value)[tag];
  const valuesOf = ({ properties }: SchemaNode) => nodeOf(schema.components, properties[tag]).values;
  const known = options.find((option) => valuesOf(option)[0] === tagged);
  if (known) return { ...known, description: node.description };
  const properties = Object.assign({}, ...options.map((option) => option.properties), {
    [tag]: { enum: options.flatMap(valuesOf) },
  });
  return { ...node, type: "object", properties, oneOf: [] };
}

/** The field that tells the options apart: in each of them, it has one value only. */
function tagOf(schema: JsonSchema, options: readonly SchemaNode[]): string {
  const names = Object.keys(options[0]?.properties ?? {});
  const isTag = (name: string) =>
    options.every(({ properties }) => nodeOf(schema.components, properties[name]).values.length === 1);
  return names.find(isTag) ?? "kind";
}

/** The schema of a field. */
export function fieldOf(schema: JsonSchema, node: SchemaNode, name: string): SchemaNode {
  return nodeOf(schema.components, node.properties[name]);
}

/** The schema of the items of a list. */
export function itemOf({ components }: JsonSchema, { items }: SchemaNode): SchemaNode {
  return nodeOf(components, items);
}

/** An alternative: objects whose field `tag` has this value. */
export interface Option {
  readonly tag: string;
  readonly value: string;
  readonly node: SchemaNode;
}

/** The alternatives of a schema; none if it has no choice. */
export function optionsOf(schema: JsonSchema, { oneOf }: SchemaNode): readonly Option[] {
  const nodes = oneOf.map((option) => nodeOf(schema.components, option));
  const tag = tagOf(schema, nodes);
  return nodes.map((node) => ({ tag, value: String(fieldOf(schema, node, tag).values[0]), node }));
}

function nodeOf(components: Readonly<Record<string, unknown>>, value: unknown): SchemaNode {
  const own = recordOf(value);
  const { $ref } = own;
  const named = typeof $ref === "string" ? recordOf(components[$ref.slice(REFERENCE.length)]) : own;
  const options = Array.isArray(named["anyOf"]) ? named["anyOf"].map(recordOf) : [];
  const real = options.filter((option) => option["type"] !== "null");
  const isNullable = real.length < options.length;
  // One value or several: several. Of other alternatives, the first, and an object of one field; the text can have the others.
  const target = real.find((option) => option["type"] === "array") ?? real[0] ?? named;
  const { type, properties, required, items, additionalProperties, oneOf, enum: values } = target;
  const description = own["description"] ?? target["description"];
  const constant = target["const"];
  return {
    type: typeof type === "string" ? type : "",
    isNullable,
    description: typeof description === "string" ? description.replaceAll("`", "") : "",
    properties: recordOf(properties),
    required: Array.isArray(required) ? required.filter((name) => typeof name === "string") : [],
    values: (Array.isArray(values) ? values : [constant]).filter(
      (each) => typeof each === "string" || typeof each === "number",
    ),
    items,
    additional: additionalProperties === false ? undefined : additionalProperties,
    hasAmounts: type === "number" && real.some((option) => isRecord(option["additionalProperties"])),
    oneOf: Array.isArray(oneOf) ? oneOf : [],
    insteadField: onlyFieldOf(real.filter((option) => option !== target)),
  };
}

function onlyFieldOf([option, ...others]: readonly Readonly<Record<string, unknown>>[]): string | null {
  const [field = null, ...more] = Object.keys(recordOf(option?.["properties"]));
  return others.length === 0 && more.length === 0 ? field : null;
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

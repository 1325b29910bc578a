/** Turns schemas into JSON Schema (2020-12, as OpenAPI 3.1 has it), and collects those with a name for the components. */
import * as z from "zod/mini";
import { fieldDescriptions, said } from "./said.ts";

export type JsonObject = { readonly [name: string]: unknown };

/** What zod's own patterns for formats say at length, in short. */
const UTC = "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?Z$";
const PATTERN_OF_FORMAT: Readonly<Record<string, string | undefined>> = { "date-time": UTC };

export class SchemaBook {
  readonly #components = new Map<string, JsonObject>();

  /**
   * The schema, with references to components for all that have a name.
   * @throws where two schemas have one name, or a schema cannot be said in JSON Schema.
   */
  write(schema: z.ZodMiniType): JsonObject {
    const {
      $schema: _dialect,
      $defs = {},
      ...own
    } = z.toJSONSchema(schema, { metadata: said, io: "input", override: refine });
    for (const [name, definition] of Object.entries($defs)) this.#add(name, plain(definition));
    return plain(own);
  }

  /** All that have been written so far, by name. */
  get components(): JsonObject {
    return Object.fromEntries([...this.#components].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  #add(name: string, schema: JsonObject): void {
    const before = this.#components.get(name);
    if (before && JSON.stringify(before) !== JSON.stringify(schema)) {
      throw new Error(`two schemas are called ${name}`);
    }
    this.#components.set(name, schema);
  }
}

/** Shortens formats, and says what fields mean. A field's schema may be shared, so it is copied. */
function refine({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}) {
  if (jsonSchema.format !== undefined) {
    const pattern = PATTERN_OF_FORMAT[jsonSchema.format];
    if (pattern === undefined) delete jsonSchema.pattern;
    else jsonSchema.pattern = pattern;
  }
  const { properties } = jsonSchema;
  for (const [name, description] of Object.entries(fieldDescriptions(zodSchema))) {
    const field = properties?.[name];
    if (typeof field !== "object") throw new Error(`there is no field ${name}`);
    if (properties) properties[name] = { ...field, description };
  }
}

/** As JSON has it, with references to where the document keeps its schemas. */
function plain(schema: z.core.JSONSchema.BaseSchema): JsonObject {
  const copy: JsonObject = JSON.parse(
    JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/'),
  );
  return copy;
}

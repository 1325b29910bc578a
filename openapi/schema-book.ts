/** Converts schemas to JSON Schema (2020-12, as in OpenAPI 3.1), and collects the named ones as components. */
import * as z from "zod/mini";
import { annotations, fieldDescriptions } from "./annotations.ts";

export type JsonObject = { readonly [name: string]: unknown };

/** Short versions of zod's long patterns for formats. */
const UTC = "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?Z$";
const PATTERN_OF_FORMAT: Readonly<Record<string, string | undefined>> = { "date-time": UTC };

export class SchemaBook {
  readonly #components = new Map<string, JsonObject>();

  /**
   * The schema, with references to components for all named schemas.
   * @throws Error if two schemas have the same name, or if JSON Schema cannot express a schema.
   */
  write(schema: z.ZodMiniType): JsonObject {
    const {
      $schema: _dialect,
      $defs = {},
      ...own
    } = z.toJSONSchema(schema, { metadata: annotations, io: "input", override: refine });
    for (const [name, definition] of Object.entries($defs)) this.#add(name, plain(definition));
    return plain(own);
  }

  /** The named schemas written so far. */
  get components(): JsonObject {
    return Object.fromEntries([...this.#components].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  #add(name: string, schema: JsonObject): void {
    const before = this.#components.get(name);
    if (before && JSON.stringify(before) !== JSON.stringify(schema)) {
      throw new Error(`two schemas have the name ${name}`);
    }
    this.#components.set(name, schema);
  }
}

/** Shortens formats and adds descriptions of fields. Copies a field's schema, because it may be shared. */
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

/** As plain JSON, with references to the document's components. */
function plain(schema: z.core.JSONSchema.BaseSchema): JsonObject {
  const copy: JsonObject = JSON.parse(
    JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/'),
  );
  return copy;
}

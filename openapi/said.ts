/**
 * What the document says about schemas beyond what they check: a name, under which a schema is listed once and referred to, and
 * what a field means. Kept beside the schemas rather than in them: the Worker carries none of it.
 */
import * as z from "zod/mini";

interface Said {
  /** The name among the document's components. */
  readonly id?: string;
  readonly description?: string;
}

export const said = z.registry<Said>();

/** Lists a schema under a name of its own. */
export function named<T extends z.ZodMiniType>(id: string, description: string, schema: T): T {
  said.add(schema, { id, description });
  return schema;
}

/** Says what the values of a schema mean. */
export function about<T extends z.ZodMiniType>(description: string, schema: T): T {
  said.add(schema, { description });
  return schema;
}

/** By object: a field's schema may be part of several objects, and mean something else in each. */
const fields = new Map<z.core.$ZodType, Readonly<Record<string, string>>>();

/** Says of every field of an object what it means. */
export function describe<Shape extends z.core.$ZodShape>(
  schema: z.ZodMiniObject<Shape>,
  descriptions: Readonly<Record<keyof Shape & string, string>>,
): void {
  fields.set(schema, descriptions);
}

/** What the fields of an object mean, where it was said. */
export function fieldDescriptions(schema: z.core.$ZodType): Readonly<Record<string, string>> {
  return fields.get(schema) ?? {};
}

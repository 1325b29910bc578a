/**
 * What the document says about schemas beyond what they check: names, under which schemas are listed once and referenced, and
 * descriptions. Kept apart from the schemas, so that the Worker does not carry any of it.
 */
import * as z from "zod/mini";

interface Annotation {
  /** The name among the document's components. */
  readonly id?: string;
  readonly description?: string;
}

/** By field name. */
export type FieldDescriptions = Readonly<Record<string, string>>;

export const annotations = z.registry<Annotation>();

/** Lists a schema under a name among the components. */
export function named<T extends z.ZodMiniType>(id: string, description: string, schema: T): T {
  annotations.add(schema, { id, description });
  return schema;
}

/** Describes a schema's values. */
export function about<T extends z.ZodMiniType>(description: string, schema: T): T {
  annotations.add(schema, { description });
  return schema;
}

/** By object: a field's schema may be shared by several objects, with another meaning in each. */
const fields = new Map<z.core.$ZodType, FieldDescriptions>();

/** Describes every field of an object. @throws Error if the object has other fields, or other descriptions already. */
export function describeFields(schema: z.ZodMiniType, descriptions: FieldDescriptions): void {
  const known = fields.get(schema);
  if (known && JSON.stringify(known) !== JSON.stringify(descriptions)) {
    throw new Error(`fields are described twice: ${Object.keys(descriptions).join(", ")}`);
  }
  fields.set(schema, descriptions);
  const missing = undescribedFields(schema);
  const unknown = Object.keys(descriptions).filter((name) => !fieldsOf(schema).includes(name));
  if (missing.length > 0) throw new Error(`fields without a description: ${missing.join(", ")}`);
  if (unknown.length > 0) throw new Error(`descriptions of unknown fields: ${unknown.join(", ")}`);
}

/** The fields of an object that have no description. Empty for a schema that is not an object. */
export function undescribedFields(schema: z.ZodMiniType): string[] {
  const described = fieldDescriptions(schema);
  return fieldsOf(schema).filter((name) => described[name] === undefined);
}

/** The descriptions of an object's fields, or none. */
export function fieldDescriptions(schema: z.core.$ZodType): FieldDescriptions {
  return fields.get(schema) ?? {};
}

function fieldsOf(schema: z.ZodMiniType): string[] {
  return schema instanceof z.ZodMiniObject ? Object.keys(schema.shape) : [];
}

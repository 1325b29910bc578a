/**
 * What analytics knows of one decision: plain data, made at the edge when the response is known, written by every sink. Its type and the
 * lists of its fields are derived from point-fields.ts.
 *
 * Sampled, so bills never use it: they read the ledger in the users' objects. Holds no key, token, body or path.
 */
import type { LimitView } from "../core/decision.ts";
import { type Field, POINT_FIELDS } from "./point-fields.ts";

type Fields = typeof POINT_FIELDS;
type ValueOf<T> = T extends readonly string[] ? T[number] : T extends "text" ? string : number;

export type Point = { readonly [Name in keyof Fields]: ValueOf<Fields[Name]["type"]> };
/** A point that waits in its isolate: its limits become text when it is sent, unless it was merged into another. */
export type WaitingPoint = Omit<Point, "limits"> & { readonly limits: readonly LimitView[] | null };
export type PointField = keyof Fields;
export type NumberField = { [Name in PointField]: Point[Name] extends number ? Name : never }[PointField];
/** Those of {@link enumOf} too. */
export type TextField = Exclude<PointField, NumberField>;
/** Texts that may be any. */
export type FreeTextField = {
  [Name in TextField]: string extends Point[Name] ? Name : never;
}[TextField];

/** `error`: a failure of the limiter or of the upstream, not a limit, answered the request. */
export type PointOutcome = Point["outcome"];
/** The first digit of the upstream's status; `none` if the upstream was not called. */
export type StatusClass = Point["upstreamStatus"];

/** In the order of the table. */
export const FIELD_NAMES: readonly PointField[] = Object.keys(POINT_FIELDS).filter(isPointField);
export const NUMBER_FIELDS: readonly NumberField[] = FIELD_NAMES.filter(isNumberField);
export const TEXT_FIELDS: readonly TextField[] = FIELD_NAMES.filter((name) => !isNumberField(name));
export const FREE_TEXT_FIELDS: readonly FreeTextField[] = TEXT_FIELDS.filter(isFreeTextField);

/** A field by its general type. */
export function fieldOf(name: PointField): Field {
  return POINT_FIELDS[name];
}

/** The texts that a field may have; null if it is a number or any text. */
export function enumOf(name: PointField): readonly string[] | null {
  const { type } = fieldOf(name);
  return typeof type === "string" ? null : type;
}

/** The text as the field may have it: what an enum does not have becomes its last. */
export function knownText(name: TextField, text: string): string {
  const values = enumOf(name);
  return values === null || values.includes(text) ? text : (values.at(-1) ?? "");
}

/** The value of a point that was written without the field. */
export function missingValue(name: PointField): string | number {
  return isNumberField(name) ? 0 : (enumOf(name)?.at(-1) ?? "");
}

/** Whether each field has a value of its type. */
export function isPoint(value: Readonly<Record<string, unknown>>): value is Point {
  return FIELD_NAMES.every((name) => {
    const found = value[name];
    if (isNumberField(name)) return typeof found === "number";
    return typeof found === "string" && (enumOf(name)?.includes(found) ?? true);
  });
}

function isPointField(name: string): name is PointField {
  return Object.hasOwn(POINT_FIELDS, name);
}

function isNumberField(name: PointField): name is NumberField {
  return fieldOf(name).type === "number";
}

function isFreeTextField(name: TextField): name is FreeTextField {
  return fieldOf(name).type === "text";
}

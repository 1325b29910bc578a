/**
 * Guards for what the API answers, built from parts. A guard is written against the answer's type (answers.ts) and names all of
 * its fields and values: when the API renames, adds or removes one, the guard no longer compiles. Pure; extra fields are ignored.
 */
import { isRecord } from "./api-client.ts";

export interface Guard<T> {
  (value: unknown): value is T;
  /** Never set. Makes T invariant: a guard for `string` is not one for `string | null`. */
  readonly accepts?: (value: T) => void;
}

export const isText: Guard<string> = (value) => typeof value === "string";
export const isNumber: Guard<number> = (value) => typeof value === "number";
export const isFlag: Guard<boolean> = (value) => typeof value === "boolean";
export const isAnything: Guard<unknown> = (_value): _value is unknown => true;

/* @__NO_SIDE_EFFECTS__ */
export function isNullOr<T>(guard: Guard<T>): Guard<T | null> {
  return (value): value is T | null => value === null || guard(value);
}

/** For optional fields. */
/* @__NO_SIDE_EFFECTS__ */
export function isMissingOr<T>(guard: Guard<T>): Guard<T | undefined> {
  return (value): value is T | undefined => value === undefined || guard(value);
}

/**
 * One of the texts of an enum. T comes from the field that the guard is for, never from `texts`: an enum with another value does
 * not compile.
 */
/* @__NO_SIDE_EFFECTS__ */
export function isOneOf<T extends string>(texts: Readonly<Record<NoInfer<T>, unknown>>): Guard<T> {
  return (value): value is T => typeof value === "string" && Object.hasOwn(texts, value);
}

/* @__NO_SIDE_EFFECTS__ */
export function isListOf<T>(guard: Guard<T>): Guard<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(guard);
}

/** An object with values of one type, by name. */
/* @__NO_SIDE_EFFECTS__ */
export function isMapOf<T>(guard: Guard<T>): Guard<Readonly<Record<string, T>>> {
  return (value): value is Readonly<Record<string, T>> =>
    isRecord(value) && Object.values(value).every(guard);
}

/** A guard for each field of T. */
export type Guards<T> = { readonly [K in keyof T]-?: Guard<T[K]> };

/** An object with at least the fields of T, which comes from the field that the guard is for or is given. */
/* @__NO_SIDE_EFFECTS__ */
export function isShape<T extends object>(fields: Guards<NoInfer<T>>): Guard<T> {
  const guards: readonly (readonly [string, (value: unknown) => boolean])[] = Object.entries(fields);
  return (value): value is T => isRecord(value) && guards.every(([name, guard]) => guard(value[name]));
}

/** A guard as `call` and `usePolled` take it. Make it once, outside of components. */
/* @__NO_SIDE_EFFECTS__ */
export function parseAs<T>(guard: Guard<T>): (body: unknown) => T | null {
  return (body) => (guard(body) ? body : null);
}

/** Guards for what the API answers, put together from parts. Pure; never trusts a shape, and looks at no more than is used. */
import { isRecord } from "./api-client.ts";

export type Guard<T> = (value: unknown) => value is T;
/** What a guard vouches for. */
export type Shape<G> = G extends Guard<infer T> ? T : never;

export const isText: Guard<string> = (value) => typeof value === "string";
export const isNumber: Guard<number> = (value) => typeof value === "number";
export const isFlag: Guard<boolean> = (value) => typeof value === "boolean";
export const isAnything: Guard<unknown> = (_value): _value is unknown => true;

export function isNullOr<T>(guard: Guard<T>): Guard<T | null> {
  return (value): value is T | null => value === null || guard(value);
}

/** For fields that may be left out. */
export function isMissingOr<T>(guard: Guard<T>): Guard<T | undefined> {
  return (value): value is T | undefined => value === undefined || guard(value);
}

export function isOneOf<const T extends string>(...texts: readonly T[]): Guard<T> {
  return (value): value is T => texts.some((text) => text === value);
}

export function isListOf<T>(guard: Guard<T>): Guard<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(guard);
}

/** An object with values of one shape, by name. */
export function isMapOf<T>(guard: Guard<T>): Guard<Readonly<Record<string, T>>> {
  return (value): value is Readonly<Record<string, T>> =>
    isRecord(value) && Object.values(value).every(guard);
}

/** An object with at least these fields. */
export function isShape<T extends object>(fields: { readonly [K in keyof T]: Guard<T[K]> }): Guard<
  Readonly<T>
> {
  const guards: readonly (readonly [string, (value: unknown) => boolean])[] = Object.entries(fields);
  return (value): value is Readonly<T> =>
    isRecord(value) && guards.every(([name, guard]) => guard(value[name]));
}

/** As the calls of the API take it. Make it once, outside of components. */
export function parseAs<T>(guard: Guard<T>): (body: unknown) => T | null {
  return (body) => (guard(body) ? body : null);
}

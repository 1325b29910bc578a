/**
 * Trait sets: the known properties of a client, by name. The only place that normalises names and values, so that two
 * spellings of a trait are the same trait. Must never accept the name of a credential: traits are sent back to the caller
 * and end up in logs.
 */
import * as z from "zod/mini";

export type TraitValue = string | number | boolean;

/** Normalised traits, sorted by the code units of their names. Created only by {@link traitSet}. */
export type Traits = ReadonlyMap<string, TraitValue>;

/** Per set. A browser has a few dozen useful traits; the limit keeps a comparison cheap. */
export const MAX_TRAITS = 64;

/**
 * UTF-16 code units of a string value. Clients should hash longer traits (a font list, a canvas).
 */
export const MAX_VALUE_LENGTH = 1024;

/** Lower-case ASCII, so that order and spelling do not depend on the locale. */
const NAME = /^[a-z0-9][a-z0-9._:-]{0,63}$/;

/**
 * Names of headers that contain secrets. They are rejected rather than dropped, so that the sender notices.
 */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
  "set-cookie",
  "x-api-key",
]);

const traitValue = z.union([z.string(), z.number(), z.boolean()]);

/**
 * Normalises names (trimmed, lower-case) and string values (trimmed, Unicode NFC), and sorts. The last of equal names wins.
 */
export function traitSet(entries: Iterable<readonly [string, TraitValue]>): Traits {
  const normalised = new Map<string, TraitValue>();
  for (const [name, value] of entries) normalised.set(normaliseName(name), normaliseValue(value));
  return new Map([...normalised].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** `base`, overridden by `over`. */
export function merged(base: Traits, over: Traits): Traits {
  return traitSet([...base, ...over]);
}

/**
 * Parses `{name: value}` from a body into {@link Traits}. Rejects two names that normalise to the same one, since the result
 * would depend on their order.
 */
export const postedTraits = z.pipe(
  z.unknown(),
  z.transform((raw, context): Traits => {
    const reject = (message: string, ...path: string[]): void => {
      context.issues.push({ code: "custom", message, input: raw, path });
    };
    const entries: [string, TraitValue][] = [];
    const seen = new Set<string>();

    if (!isRecord(raw)) {
      reject("must be an object of traits");
      return z.NEVER;
    }
    if (Object.keys(raw).length > MAX_TRAITS) reject(`must have at most ${MAX_TRAITS} traits`);
    for (const [name, given] of Object.entries(raw)) {
      const normal = normaliseName(name);
      const value = traitValue.safeParse(given);
      if (!NAME.test(normal)) reject("name must be 1 to 64 of a-z, 0-9, '.', '_', ':', '-'", name);
      else if (SECRET_NAMES.has(normal)) reject("a credential is not a trait", name);
      else if (seen.has(normal)) reject("duplicates another name after normalisation", name);
      else if (!value.success) reject("must be a string, a finite number or a boolean", name);
      else if (isTooLong(value.data)) reject(`must be at most ${MAX_VALUE_LENGTH} characters`, name);
      else entries.push([normal, value.data]);
      seen.add(normal);
    }
    return traitSet(entries);
  }),
);

/** A plain object for the wire, in the set's order. */
export function toRecord(traits: Traits): Record<string, TraitValue> {
  return Object.fromEntries(traits);
}

function normaliseName(name: string): string {
  return name.trim().toLowerCase();
}

function normaliseValue(value: TraitValue): TraitValue {
  return typeof value === "string" ? value.normalize("NFC").trim() : value;
}

function isTooLong(value: TraitValue): boolean {
  return typeof value === "string" && value.length > MAX_VALUE_LENGTH;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Trait sets: what is known of a client, by name. The one place where names and values are normalised, so
 * that two spellings of one trait are one trait. Must never accept a credential's name: a trait is sent back
 * to the caller, and kept in logs by whoever compares fingerprints.
 */
import * as z from "zod/mini";

export type TraitValue = string | number | boolean;

/** Normalised traits in the order of their names' code units. Made by {@link traitSet} only. */
export type Traits = ReadonlyMap<string, TraitValue>;

/** Per set. A browser has some dozens of traits worth knowing; the bound keeps one comparison cheap. */
export const MAX_TRAITS = 64;

/**
 * UTF-16 code units of a string value. Longer traits (a font list, a canvas) are hashed by who collects them.
 */
export const MAX_VALUE_LENGTH = 1024;

/** Lower-case ASCII, so that order and spelling are the same in every language and locale. */
const NAME = /^[a-z0-9][a-z0-9._:-]{0,63}$/;

/**
 * Header names that carry a secret. As traits they are refused rather than dropped: who sends one should
 * notice.
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
 * Normalises names (trimmed, lower-case) and string values (trimmed, Unicode NFC), and sorts. Of equal names
 * the last wins.
 */
export function traitSet(entries: Iterable<readonly [string, TraitValue]>): Traits {
  const normalised = new Map<string, TraitValue>();
  for (const [name, value] of entries) normalised.set(normaliseName(name), normaliseValue(value));
  return new Map([...normalised].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** `over` laid on `base`. */
export function merged(base: Traits, over: Traits): Traits {
  return traitSet([...base, ...over]);
}

/**
 * Parses `{name: value}` from a body into {@link Traits}. Two names that normalise to one are refused: which
 * of them counts would depend on their order.
 */
export const postedTraits = z.pipe(
  z.unknown(),
  z.transform((raw, context): Traits => {
    const refuse = (message: string, ...path: string[]): void => {
      context.issues.push({ code: "custom", message, input: raw, path });
    };
    const entries: [string, TraitValue][] = [];
    const seen = new Set<string>();

    if (!isRecord(raw)) {
      refuse("must be an object of traits");
      return z.NEVER;
    }
    if (Object.keys(raw).length > MAX_TRAITS) refuse(`must have at most ${MAX_TRAITS} traits`);
    for (const [name, given] of Object.entries(raw)) {
      const normal = normaliseName(name);
      const value = traitValue.safeParse(given);
      if (!NAME.test(normal)) refuse("name must be 1 to 64 of a-z, 0-9, '.', '_', ':', '-'", name);
      else if (SECRET_NAMES.has(normal)) refuse("a credential is not a trait", name);
      else if (seen.has(normal)) refuse("is here twice, in another spelling", name);
      else if (!value.success) refuse("must be a string, a finite number or a boolean", name);
      else if (isTooLong(value.data)) refuse(`must be at most ${MAX_VALUE_LENGTH} characters`, name);
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

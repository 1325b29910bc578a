/** The order in which people expect ids: `user2` before `user10`, whatever their case. Pure. */

/** As long as the digits of an id can be. */
const LENGTH_DIGITS = 3;

/**
 * A key that sorts, character by character, as people expect: lower case, and each number preceded by its length, so that a longer number
 * comes later. Ids that differ only in case or in leading zeros have the same key.
 * @param id ASCII, at most 999 characters.
 */
export function naturalKey(id: string): string {
  return id.toLowerCase().replaceAll(/\d+/g, (digits) => {
    const number = digits.replace(/^0+(?=\d)/, "");
    return `${String(number.length).padStart(LENGTH_DIGITS, "0")}${number}`;
  });
}

/** What places an id: its key, and the id itself where keys are equal. */
export interface NaturalPlace {
  readonly key: string;
  readonly id: string;
}

export function placeOf(id: string): NaturalPlace {
  return { key: naturalKey(id), id };
}

/** Negative if `a` comes first; 0 only for the same id. */
export function comparePlaces(a: NaturalPlace, b: NaturalPlace): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

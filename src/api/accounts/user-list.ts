/**
 * One page of users: accounts from the directory joined with the usage of a range from analytics, in one order over all of them, not over
 * a page. Users with traffic but without an account are in it.
 *
 * Sorted by a figure, it is the ranking and then, in natural order, the listed users that are not in it. In natural order (or by match),
 * it is the directory, merged with the ranked users that it does not list. Holds nothing between calls: a position says where to continue.
 */
import { comparePlaces, placeOf } from "../../natural-order.ts";
import type { RankedSubject } from "../../analytics/reports/report-answer.ts";
import {
  type AccountDirectoryRpc,
  type DirectoryEntry,
  type FoundUsers,
  MAX_FOUND,
  type UserFilter,
  type UserPage,
  type UserPosition,
} from "../../objects/account-directory.ts";

/** The directory's methods, called through a stub. */
export interface Directory {
  users(...given: Parameters<AccountDirectoryRpc["users"]>): Promise<UserPage>;
  find(...given: Parameters<AccountDirectoryRpc["find"]>): Promise<FoundUsers>;
}

/** The directory of addresses: they have no accounts. */
export const NOBODY: Directory = {
  users: async () => ({ users: [] }),
  find: async () => ({ passing: [], others: [] }),
};

/** Figures that users can be sorted by, the largest first. */
export const FIGURES = ["requests", "denied", "cost", "deniedShare", "lastSeen"] as const;
export type Figure = (typeof FIGURES)[number];
export const USER_SORTS = [...FIGURES, "id", "match"] as const;
export type UserSort = (typeof USER_SORTS)[number];

export interface RankedUser {
  readonly id: string;
  readonly usage: RankedSubject;
}

export interface ListedUser {
  readonly id: string;
  /** With `deleted`: only the block of a deleted account is left. Null: the directory does not list the user. */
  readonly entry: DirectoryEntry | null;
  /** Null: no requests in the range, or not in the ranking. */
  readonly usage: RankedSubject | null;
}

/** Where a page begins: after this user. */
export interface ListPosition {
  /** The figure of a ranked user, or the rank of a match; null: behind the ranking. */
  readonly value: number | null;
  readonly id: string;
}

export interface ListQuery {
  readonly sort: UserSort;
  readonly filter: Omit<UserFilter, "order">;
  readonly after: ListPosition | null;
  readonly limit: number;
}

export interface UserListPage {
  readonly users: readonly ListedUser[];
  readonly next: ListPosition | null;
}

/** Listed users that one call reads in search of those that are not ranked. */
const READ_USERS = 1_000;

type Placed = ListedUser & { readonly value: number | null };

/** @param ranking the users with traffic in the range, in any order, each once; [] if analytics did not answer. */
export async function pageOfUsers(
  directory: Directory,
  ranking: readonly RankedUser[],
  query: ListQuery,
): Promise<UserListPage> {
  const { sort, limit } = query;
  const found =
    sort === "id" || sort === "match"
      ? await merged(directory, ranking, query, sort === "match" ? "match" : "natural")
      : await rankedFirst(directory, ranking, query, sort);
  const users = found.slice(0, limit);
  const last = found.length > limit ? users.at(-1) : undefined;
  return {
    users: users.map(({ value: _value, ...user }) => user),
    next: last ? { value: last.value, id: last.id } : null,
  };
}

/** The figure of a user. */
export function figureOf({ usage }: RankedUser, figure: Figure): number {
  if (figure === "lastSeen") return Date.parse(usage.lastSeenAt);
  if (figure === "deniedShare") return usage.decided > 0 ? usage.denied / usage.decided : 0;
  return usage[figure];
}

/** Up to one more than the page. */
async function rankedFirst(
  directory: Directory,
  ranking: readonly RankedUser[],
  { filter, after, limit }: ListQuery,
  figure: Figure,
): Promise<Placed[]> {
  const found: Placed[] = [];
  if (after === null || after.value !== null) {
    const candidates = inOrder(ranking, (user) => figureOf(user, figure), true, after);
    // Without a filter, the first few are the page.
    for (let from = 0, size = limit + 1; from < candidates.length && found.length <= limit;) {
      found.push(...(await passing(directory, candidates.slice(from, from + size), filter)));
      from += size;
      size = MAX_FOUND;
    }
    if (found.length > limit) return found;
  }
  const ranked = new Set(ranking.map(({ id }) => id));
  const count = Math.max(READ_USERS, limit + 1);
  let position: UserPosition | null = after && after.value === null ? { rank: 0, id: after.id } : null;
  while (found.length <= limit) {
    const { users } = await directory.users({ ...filter, order: "natural" }, position, count);
    for (const { entry } of users) {
      if (!ranked.has(entry.id)) found.push({ id: entry.id, entry, usage: null, value: null });
    }
    const last = users.at(-1);
    if (!last || users.length < count) return found;
    position = { rank: 0, id: last.entry.id };
  }
  return found;
}

/** Up to one more than the page. */
async function merged(
  directory: Directory,
  ranking: readonly RankedUser[],
  { filter, after, limit }: ListQuery,
  order: UserFilter["order"],
): Promise<Placed[]> {
  const usages = new Map(ranking.map(({ id, usage }) => [id, usage]));
  const position = after && { rank: after.value ?? 0, id: after.id };
  const { users } = await directory.users({ ...filter, order }, position, limit + 1);
  const listed = users.map(({ entry, rank }): Placed => {
    const { id } = entry;
    return { id, entry, usage: usages.get(id) ?? null, value: rank };
  });
  const rankOf = ({ id }: RankedUser): number => (order === "match" ? matchRank(id, filter.text) : 0);
  const last = users.length > limit ? users.at(-1) : undefined;
  const candidates = inOrder(
    ranking.filter(({ id }) => isPassing(id, filter)),
    rankOf,
    false,
    after,
  );
  const bound = last ? { rank: last.rank, place: placeOf(last.entry.id) } : null;
  const before = bound
    ? candidates.filter((user) => (rankOf(user) - bound.rank || comparePlaces(user.place, bound.place)) < 0)
    : candidates;
  const unlisted: Placed[] = [];
  for (let i = 0; i < before.length && unlisted.length <= limit; i += MAX_FOUND) {
    const batch = before.slice(i, i + MAX_FOUND);
    const known = await directory.find(
      batch.map(({ id }) => id),
      { ...filter, order },
    );
    const ids = new Set([...known.passing.map(({ id }) => id), ...known.others]);
    for (const user of batch) {
      if (!ids.has(user.id))
        unlisted.push({ id: user.id, entry: null, usage: user.usage, value: rankOf(user) });
    }
  }
  return [...listed, ...unlisted].toSorted(
    (a, b) => (a.value ?? 0) - (b.value ?? 0) || comparePlaces(placeOf(a.id), placeOf(b.id)),
  );
}

type PlacedUser = RankedUser & { readonly place: ReturnType<typeof placeOf> };

/** The users behind a position, by value and then in natural order. */
function inOrder(
  users: readonly RankedUser[],
  valueOf: (user: RankedUser) => number,
  isDescending: boolean,
  after: ListPosition | null,
): (PlacedUser & { readonly value: number })[] {
  const sign = isDescending ? -1 : 1;
  const compare = (a: { value: number; place: PlacedUser["place"] }, b: typeof a): number =>
    sign * (a.value - b.value) || comparePlaces(a.place, b.place);
  const placed = users.map((user) => ({ ...user, value: valueOf(user), place: placeOf(user.id) }));
  const position = after && { value: after.value ?? 0, place: placeOf(after.id) };
  return placed.filter((user) => position === null || compare(user, position) > 0).toSorted(compare);
}

/** Those of a batch that pass the filter, in its order. */
async function passing(
  directory: Directory,
  batch: readonly (RankedUser & { readonly value: number })[],
  filter: ListQuery["filter"],
): Promise<Placed[]> {
  const ids = batch.map(({ id }) => id);
  const found = await directory.find(ids, { ...filter, order: "natural" });
  const entries = new Map(found.passing.map((entry) => [entry.id, entry]));
  const others = new Set(found.others);
  return batch.flatMap(({ id, usage, value }): Placed[] => {
    const entry = entries.get(id) ?? null;
    const passes = entry !== null || (!others.has(id) && isPassing(id, filter));
    return passes ? [{ id, entry, usage, value }] : [];
  });
}

/** Whether a user whom the directory does not list passes: without an account, they have no tier, no name, and are not blocked. */
function isPassing(id: string, { tier, status, text, hasAccount }: ListQuery["filter"]): boolean {
  if (tier !== null || status === "blocked" || hasAccount === true) return false;
  return text === null || id.toLowerCase().includes(text.toLowerCase());
}

/** The rank of an id without a name, as in the directory. */
function matchRank(id: string, text: string | null): number {
  const [whole, part] = [id.toLowerCase(), text?.toLowerCase() ?? ""];
  if (whole === part) return 0;
  return whole.startsWith(part) ? 1 : 3;
}

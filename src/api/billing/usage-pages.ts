/**
 * The cells of all accounts in the order of account, hour, route and key, from a place on: a page at a time, and within it one account's
 * cells after the other, so that memory holds no more than what a few accounts have sent.
 */
import { withDeadline } from "../../deadline.ts";
import { messageOf } from "../../log.ts";
import {
  type CellPlace,
  type FrozenCell,
  type FrozenPage,
  MAX_FROZEN_CELLS,
} from "../../objects/frozen-usage.ts";
import type { ExportPlace } from "./export-cursor.ts";

/** Accounts of a page: each takes a call to its object, and Cloudflare bounds these per request. */
export const MAX_PAGE_ACCOUNTS = 50;
/** Objects that are called at once: what they answer waits in memory. */
const AT_ONCE = 5;
/** No account is begun later in a page, so that a slow one ends in time. */
const MAX_PAGE_MS = 5_000;
/** One call. As in ask.ts. */
const DEADLINE_MS = 10_000;

/** What the export asks. */
export interface UsageSource {
  /** Ids of accounts after this one, in order. */
  readonly known: (after: string, count: number) => Promise<string[]>;
  readonly cells: (
    account: string,
    fromHour: number,
    toHour: number,
    after: CellPlace | null,
    count: number,
  ) => Promise<FrozenPage>;
}

/** An object that was asked has not answered. */
export class SourceFault extends Error {
  override readonly name = "SourceFault";
  /** `account "acme"`, or the directory. */
  readonly what: string;

  constructor(what: string, cause: unknown) {
    super(`${what}: ${messageOf(cause)}`, { cause });
    this.what = what;
  }
}

export interface Step {
  /** Of one account. */
  readonly account: string | null;
  readonly cells: readonly FrozenCell[];
  /** After these cells. */
  readonly place: ExportPlace;
  /** The pass has ended: `place` begins the next. */
  readonly isDone: boolean;
}

/**
 * The steps of one page. The last one that was yielded says where to resume, also if a later one throws.
 * @param count cells of the page, at most.
 */
export async function* usageSteps(
  source: UsageSource,
  from: ExportPlace,
  toHour: number,
  count: number,
): AsyncGenerator<Step, void> {
  const endsAtMs = Date.now() + MAX_PAGE_MS;
  let place: ExportPlace = { ...from, toHour };
  const { fromHour, only } = place;
  const finished: Step = {
    account: null,
    cells: [],
    place: { fromHour: Math.max(fromHour, toHour), toHour: null, only, done: "", within: null },
    isDone: true,
  };
  if (toHour <= fromHour) return yield finished;
  const known = await accountsFrom(source, place);
  const accounts = known.slice(0, MAX_PAGE_ACCOUNTS);
  let left = count;
  for (let i = 0; i < accounts.length; i += AT_ONCE) {
    const group = accounts.slice(i, i + AT_ONCE);
    const most = Math.min(left, MAX_FROZEN_CELLS);
    const afters = group.map((account) => (place.within?.account === account ? place.within.cell : null));
    const pages = await Promise.all(
      group.map((account, n) =>
        answerOf(account, source.cells(account, fromHour, toHour, afters[n] ?? null, most)).then(
          (page) => ({ page }),
          (fault: unknown) => ({ fault }),
        ),
      ),
    );
    for (const [n, account] of group.entries()) {
      let answer = pages[n];
      for (;;) {
        if (answer === undefined || "fault" in answer) throw answer?.fault;
        const { cells, next } = firstOf(answer.page, left);
        place = next
          ? { ...place, within: { account, cell: next } }
          : { ...place, done: account, within: null };
        left -= cells.length;
        yield { account, cells, place, isDone: false };
        if (left <= 0 || Date.now() >= endsAtMs) return;
        if (next === null) break;
        const call = source.cells(account, fromHour, toHour, next, Math.min(left, MAX_FROZEN_CELLS));
        answer = { page: await answerOf(account, call) };
      }
    }
  }
  if (known.length <= MAX_PAGE_ACCOUNTS) yield finished;
}

/** The answer within the deadline. @param account that was asked; null: the directory. @throws SourceFault */
async function answerOf<T>(account: string | null, call: Promise<T>): Promise<T> {
  const what = account === null ? "account directory" : `account "${account}"`;
  return withDeadline(call, DEADLINE_MS, what).catch((thrown: unknown) => {
    throw new SourceFault(what, thrown);
  });
}

/** Its first cells, if it has more than so many: more may have been asked for than the page has room for now. */
function firstOf({ cells, next }: FrozenPage, count: number): FrozenPage {
  const shown = cells.slice(0, count);
  const last = shown.at(-1);
  if (!last || shown.length === cells.length) return { cells, next };
  const { hour, route, keyId } = last;
  return { cells: shown, next: { hour, route, keyId } };
}

/** Those that are not done: more than a page has, if there are more. The one in which the place is may have left the directory. */
async function accountsFrom(source: UsageSource, { only, done, within }: ExportPlace): Promise<string[]> {
  if (only !== null) return done === only ? [] : [only];
  const call = source.known(within?.account ?? done, MAX_PAGE_ACCOUNTS + 1);
  const known = await answerOf(null, call);
  return within === null ? known : [within.account, ...known];
}

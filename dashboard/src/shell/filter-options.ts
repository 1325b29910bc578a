/** What a filter suggests: the values that the decisions in a range have, the most frequent first, and users who exist. Never rejects. */
import { OUTCOME_TITLES, parseValues, SOURCE_NAMES } from "../decisions/decision-guards.ts";
import type { PickerOption } from "../kit/picker-options.ts";
import type { LoadOptions } from "../kit/use-options.ts";
import type { Report } from "./answers.ts";
import { call } from "./api-client.ts";
import { count } from "./format.ts";
import { pathAt } from "./moving-path.ts";
import { searchUsers } from "./search-users.ts";
import { subjectName } from "./subject.ts";
import { reportPath, type TimeRange } from "./time-range.ts";

type Field = Report<"values">["by"];

/** Values that a filter suggests. */
const MAX_VALUES = 100;
const MAX_USERS = 20;

const TITLES: Readonly<Partial<Record<Field, Readonly<Record<string, string>>>>> = {
  outcome: OUTCOME_TITLES,
  source: SOURCE_NAMES,
};

/** The API's path for the values of a field among the decisions that the filters select. */
export function valuesPath(
  by: Field,
  range: TimeRange,
  filters: Readonly<Record<string, string>> = {},
): string {
  return reportPath("values", range, { ...filters, by, limit: String(MAX_VALUES) });
}

/**
 * Loads the values when a filter opens; again as the viewer types only if there are more values than it loads. For accounts, also finds
 * users who were idle.
 */
export function valueOptions(path: string): LoadOptions {
  let loaded: Promise<Report<"values"> | null> | null = null;
  return async (typed) => {
    if (typed === "" || loaded === null) loaded = loadValues(path);
    const first = await loaded;
    const isAll = typed === "" || (first !== null && first.values.length < MAX_VALUES);
    const report = isAll ? first : await loadValues(`${path}&search=${encodeURIComponent(typed)}`);
    const options = report === null ? [] : optionsOf(report);
    if (typed === "" || report?.by !== "account") return options;
    const known = new Set(options.map(({ value }) => value));
    const idle = (await searchUsers(typed, MAX_USERS)) ?? [];
    return [
      ...options,
      ...idle
        .map(({ id, tier }) => ({ value: `user:${id}`, label: id, detail: tier }))
        .filter(({ value }) => !known.has(value)),
    ];
  };
}

async function loadValues(path: string): Promise<Report<"values"> | null> {
  const answer = await call("GET", pathAt(path, Date.now()), parseValues);
  return answer.kind === "ok" ? answer.value : null;
}

/** Leaves out decisions without a value: the URL cannot name it. */
export function optionsOf({ by, values }: Report<"values">): readonly PickerOption[] {
  return values
    .filter(({ value }) => value !== "")
    .map(({ value, requests, denied }) => ({
      value,
      label: labelOf(by, value),
      detail:
        denied > 0 && by !== "outcome" ? `${count(requests)}, ${count(denied)} denied` : count(requests),
    }));
}

/** A value of a field as it is shown. */
export function labelOf(by: Field, value: string): string {
  if (by === "account") return value === "" ? "" : subjectName(value);
  if (by === "shadowed") return value.replaceAll(";", ", ");
  const titles = TITLES[by] ?? {};
  return Object.hasOwn(titles, value) ? (titles[value] ?? value) : value;
}

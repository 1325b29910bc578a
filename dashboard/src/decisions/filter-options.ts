/** What a filter suggests: the values that the decisions in the range have, the most frequent first. Pure. */
import type { PickerOption } from "../kit/picker-options.ts";
import type { Report } from "../shell/answers.ts";
import { count } from "../shell/format.ts";
import { subjectName } from "../shell/subject.ts";
import { OUTCOME_TITLES, SOURCE_NAMES } from "./decision-guards.ts";

type Field = Report<"values">["by"];

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
  const titles = TITLES[by] ?? {};
  return Object.hasOwn(titles, value) ? (titles[value] ?? value) : value;
}

const TITLES: Readonly<Partial<Record<Field, Readonly<Record<string, string>>>>> = {
  outcome: OUTCOME_TITLES,
  source: SOURCE_NAMES,
};

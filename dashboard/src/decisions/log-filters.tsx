/** The filters of the decision log. They are kept in the URL; the form shows and changes them. */
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { subjectOf } from "../shell/subject.ts";
import { LENGTHS, paramsOf, rangeOf } from "../shell/time-range.ts";
import { OUTCOMES, SOURCES } from "./decision-guards.ts";
import { PAGE_SIZES, TEXT_FILTERS } from "./log-query.ts";

const LABELS: Readonly<Record<(typeof TEXT_FILTERS)[number], string>> = {
  account: "User, or ip:address",
  route: "Route",
  tier: "Tier",
  reason: "Reason, or limit",
  keyId: "Key id",
};
/** As the API limits it. */
const MAX_FILTER_LENGTH = 512;

type Params = Readonly<Record<string, string>>;

export function LogFilters() {
  const { address, go } = usePage();
  const { params } = address;
  const range = rangeOf(params);
  // A cursor belongs to the filters it came with.
  const filter = (change: Params) => go(changed(address, { cursor: "", ...change }));
  return (
    <form class="log-filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        Time
        <select
          value={range.kind === "last" ? range.name : ""}
          onChange={(event) => {
            const length = LENGTHS.find(({ name }) => name === event.currentTarget.value);
            if (length) filter(paramsOf(length));
          }}
        >
          {range.kind === "between" && <option value="">as chosen</option>}
          {LENGTHS.map(({ name, title }) => (
            <option key={name} value={name}>
              last {title}
            </option>
          ))}
        </select>
      </label>
      <Choice name="outcome" title="Outcome" values={OUTCOMES} onChange={filter} />
      <Choice name="source" title="Decided by" values={SOURCES} onChange={filter} />
      {TEXT_FILTERS.map((name) => (
        <label key={name}>
          {LABELS[name]}
          <input
            type="search"
            // A link can change the URL too: a new key shows the new value.
            key={params[name] ?? ""}
            defaultValue={params[name] ?? ""}
            maxLength={MAX_FILTER_LENGTH}
            autocomplete="off"
            onChange={(event) => {
              const text = event.currentTarget.value;
              filter({ [name]: name === "account" ? subjectOf(text) : text.trim() });
            }}
          />
        </label>
      ))}
      <label>
        Lines
        <select
          value={params["rows"] ?? String(PAGE_SIZES[1])}
          onChange={(event) => filter({ rows: event.currentTarget.value })}
        >
          {PAGE_SIZES.map((size) => (
            <option key={size}>{size}</option>
          ))}
        </select>
      </label>
    </form>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly title: string;
  readonly values: readonly string[];
  readonly onChange: (change: Params) => void;
}

function Choice({ name, title, values, onChange }: ChoiceProps) {
  const { params } = usePage().address;
  return (
    <label>
      {title}
      <select
        value={params[name] ?? ""}
        onChange={(event) => onChange({ [name]: event.currentTarget.value })}
      >
        <option value="">any</option>
        {values.map((value) => (
          <option key={value}>{value}</option>
        ))}
      </select>
    </label>
  );
}

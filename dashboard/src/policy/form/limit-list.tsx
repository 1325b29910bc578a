/** The limits of a tier or a route: one row each, with the fields of its kind. */
import { isRecord } from "../../shell/api-client.ts";
import { Icon } from "../../kit/icon.tsx";
import { appendItem, removeItem, setField, type TextEdit } from "../editor/json-edits.ts";
import type { ParsedJson } from "../editor/json-document.ts";
import { childPointer, valueAt } from "../editor/json-pointer.ts";
import { limitWords } from "../limit-words.ts";
import { FieldList } from "./field-list.tsx";
import { useForm } from "./form-context.ts";
import { OtherFields } from "./other-fields.tsx";

interface Props {
  /** Of the tier or the route. */
  readonly pointer: string;
}

const KINDS = { bucket: "Rate (bucket)", quota: "Quota", concurrency: "At once" } as const;
/** The fields of all kinds, in order: each kind has some of them. */
const LABELS = {
  name: "Name",
  tokens: "Tokens",
  amount: "Tokens",
  max: "Requests at once",
  per: "Per",
  burst: "Burst",
  unit: "Counts",
  anchorDay: "Starts on day",
  ttlMs: "Expires after, ms",
  scope: "For each",
  shadow: "In shadow",
};
/** The fields of a limit that the form has a place for. */
const LIMIT_FIELDS = [...Object.keys(LABELS), "kind"];
/** A new limit of each kind: its author replaces the numbers. */
const NEW = {
  bucket: { kind: "bucket", tokens: 100, per: "minute" },
  quota: { kind: "quota", amount: 10_000, per: "month" },
  concurrency: { kind: "concurrency", max: 10, ttlMs: 60_000 },
} as const;

export function LimitList({ pointer }: Props) {
  const { json, apply } = useForm();
  const list = valueAt(json.value, childPointer(pointer, "limits"));
  const limits = Array.isArray(list) ? list : [];
  const place = childPointer(pointer, "limits");
  return (
    <div class="limit-list">
      {limits.map((limit, i) => {
        const name = isRecord(limit) ? String(limit["name"]) : `limit ${i + 1}`;
        return (
          <fieldset key={`${i} ${name}`}>
            <legend>
              {name} <span class="quiet">{isRecord(limit) && limitWords(limit)}</span>
            </legend>
            <FieldList pointer={childPointer(place, i)} labels={LABELS} />
            <OtherFields pointer={childPointer(place, i)} except={LIMIT_FIELDS} />
            <div class="buttons">
              <button
                type="button"
                class="plain"
                onClick={() => apply((known) => removeItem(known, place, i))}
                aria-label={`Remove the limit ${name}`}
              >
                <Icon name="cross" />
                Remove
              </button>
            </div>
          </fieldset>
        );
      })}
      <div class="buttons start">
        {Object.entries(KINDS).map(([kind, label]) => (
          <button
            key={kind}
            type="button"
            class="small"
            onClick={() => apply((known) => addLimit(known, pointer, kind, limits))}
          >
            <Icon name="plus" />
            {label}
          </button>
        ))}
      </div>
    </div>
  );
}

function addLimit(json: ParsedJson, pointer: string, kind: string, limits: readonly unknown[]): TextEdit[] {
  const limit = { name: freeName(kind, limits), ...Object.entries(NEW).find(([name]) => name === kind)?.[1] };
  const place = childPointer(pointer, "limits");
  return json.places.has(place) ? appendItem(json, place, limit) : setField(json, pointer, "limits", [limit]);
}

/** The kind, with a number if a limit has that name. */
function freeName(kind: string, limits: readonly unknown[]): string {
  const taken = new Set(limits.map((limit) => (isRecord(limit) ? limit["name"] : null)));
  for (let i = 1; ; i += 1) {
    const name = i === 1 ? kind : `${kind}-${i}`;
    if (!taken.has(name)) return name;
  }
}

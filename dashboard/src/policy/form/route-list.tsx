/** The routes of the draft, in order: the first match applies. */
import { useState } from "preact/hooks";
import { isRecord } from "../../shell/api-client.ts";
import { appendItem, removeItem, setField, swapWithNext } from "../editor/json-edits.ts";
import { childPointer, valueAt } from "../editor/json-pointer.ts";
import { fieldOf, schemaAt } from "../editor/json-schema.ts";
import { limitWords } from "../limit-words.ts";
import { routeName } from "../policy-changes.ts";
import { FieldList } from "./field-list.tsx";
import { useForm } from "./form-context.ts";
import { LimitList } from "./limit-list.tsx";
import { OtherFields } from "./other-fields.tsx";
import { amountsText } from "./schema-fields.ts";

const ROUTES = "/routes";
const LABELS = {
  match: "Path",
  cost: "Cost",
  auth: "Credential",
  upstream: "Upstream",
  timeoutMs: "Timeout, ms",
};
const SWITCHES = {
  shadow: "Own limits in shadow",
  exactPath: "Exact path only",
  forwardKey: "Forward the key",
  forwardOverrides: "Forward overrides",
};

/** The fields of a route that the form has a place for. */
const ROUTE_FIELDS = [...Object.keys(LABELS), ...Object.keys(SWITCHES), "methods", "limits"];

export function RouteList() {
  const { json } = useForm();
  const routes = valueAt(json.value, ROUTES);
  if (!Array.isArray(routes)) return null;
  return (
    <section aria-label="Routes" class="parts">
      <h2>
        Routes <span class="quiet">the first match applies</span>
      </h2>
      {routes.map((route, i) => (
        <Route
          key={`${i} ${isRecord(route) ? routeName(route) : ""}`}
          route={route}
          index={i}
          of={routes.length}
        />
      ))}
      <NewRoute />
    </section>
  );
}

interface RouteProps {
  readonly route: unknown;
  readonly index: number;
  readonly of: number;
}

function Route({ route, index, of }: RouteProps) {
  const { apply } = useForm();
  const pointer = childPointer(ROUTES, index);
  const fields = isRecord(route) ? route : {};
  const name = routeName(fields) ?? `route ${index + 1}`;
  const swap = (at: number) => apply((known) => swapWithNext(known, ROUTES, at));
  return (
    <details class="part">
      <summary>
        <strong>{name}</strong>
        <span class="quiet">{routeSummary(fields)}</span>
      </summary>
      <div class="part-body">
        <FieldList pointer={pointer} labels={LABELS} />
        <Methods pointer={pointer} value={fields["methods"]} />
        <FieldList pointer={pointer} labels={SWITCHES} areSwitches />
        <OtherFields pointer={pointer} except={ROUTE_FIELDS} />
        <LimitList pointer={pointer} />
        <div class="buttons start">
          <button type="button" class="small" disabled={index === 0} onClick={() => swap(index - 1)}>
            Move up
          </button>
          <button type="button" class="small" disabled={index === of - 1} onClick={() => swap(index)}>
            Move down
          </button>
          <button
            type="button"
            class="small danger"
            onClick={() => apply((known) => removeItem(known, ROUTES, index))}
          >
            Remove route {name}
          </button>
        </div>
      </div>
    </details>
  );
}

function routeSummary({ cost = 1, auth, limits }: Readonly<Record<string, unknown>>): string {
  const parts = [cost === 0 ? "exempt" : `cost ${amountsText(cost)}`];
  if (auth === "required") parts.push("needs a credential");
  if (Array.isArray(limits))
    parts.push(...limits.map((limit) => (isRecord(limit) ? limitWords(limit) : "?")));
  return parts.join(" · ");
}

interface MethodsProps {
  readonly pointer: string;
  readonly value: unknown;
}

function Methods({ pointer, value }: MethodsProps) {
  const { json, schema, apply } = useForm();
  const route = schemaAt(schema, pointer, (at) => valueAt(json.value, at));
  const known = route
    ? fieldOf(schema, { ...route, properties: { item: fieldOf(schema, route, "methods").items } }, "item")
    : null;
  const chosen: readonly unknown[] = Array.isArray(value) ? value : [];
  return (
    <fieldset class="methods">
      <legend>
        Methods <span class="quiet">none chosen: all</span>
      </legend>
      {(known?.values ?? []).map((method) => (
        <label key={method}>
          <input
            type="checkbox"
            checked={chosen.includes(method)}
            onChange={(event) => {
              const next = event.currentTarget.checked
                ? [...chosen, method]
                : chosen.filter((each) => each !== method);
              apply((now) => setField(now, pointer, "methods", next.length === 0 ? undefined : next));
            }}
          />
          {method}
        </label>
      ))}
    </fieldset>
  );
}

function NewRoute() {
  const { apply } = useForm();
  const [match, setMatch] = useState("");
  return (
    <form
      class="new-part"
      onSubmit={(event) => {
        event.preventDefault();
        if (!match.startsWith("/")) return;
        apply((known) => appendItem(known, ROUTES, { match, cost: 1 }));
        setMatch("");
      }}
    >
      <input
        aria-label="Path of a new route"
        placeholder="/path/:param/*"
        pattern="/.*"
        title="A path of literals and :params, with * at the end only"
        maxLength={256}
        autocomplete="off"
        value={match}
        onInput={(event) => setMatch(event.currentTarget.value)}
      />
      <button class="small" disabled={!match.startsWith("/")}>
        Add route
      </button>
    </form>
  );
}

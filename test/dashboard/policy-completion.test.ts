/** Completion and hints in the policy editor: from the schemas of the API's own document. */
import { json } from "@codemirror/lang-json";
import { EditorState } from "@codemirror/state";
import { expect, test } from "vitest";
import {
  fieldOf,
  itemOf,
  optionsOf,
  parseSchema,
  schemaAt,
  type SchemaNode,
} from "../../dashboard/src/policy/editor/json-schema.ts";
import {
  amountsText,
  fieldsOf,
  firstValue,
  kindOf,
  readAmounts,
} from "../../dashboard/src/policy/form/schema-fields.ts";
import { completionsAt, hintAt } from "../../dashboard/src/policy/editor/schema-completion.ts";
import { valueAt } from "../../dashboard/src/policy/editor/json-pointer.ts";
import document from "../../docs/openapi.json" with { type: "json" };
import policy from "../../policy/default.json";

const schema = parseSchema(document);

/** The state of an editor with this text, and the offset of the `|` in it. */
function typed(text: string): { readonly state: EditorState; readonly pos: number } {
  const pos = text.indexOf("|");
  const state = EditorState.create({ doc: text.replace("|", ""), extensions: [json()] });
  return { state, pos };
}

function labels(text: string, isExplicit = false): string[] | null {
  const { state, pos } = typed(text);
  return completionsAt(schema, state, pos, isExplicit)?.options.map(({ label }) => label) ?? null;
}

test("completes the fields that an object may still have", () => {
  expect(labels('{ "schema": 1, "h|" }')).toEqual([
    '"tiers"',
    '"routes"',
    '"upstreams"',
    '"anonymousTier"',
    '"defaultTier"',
    '"enforcement"',
    '"rules"',
    '"billing"',
    '"events"',
    '"headers"',
    '"cors"',
  ]);
  // The parser takes the next field's name for the value of the one that is typed.
  expect(labels('{\n  "he|"\n  "schema": 1,\n  "routes": []\n}')).not.toContain('"schema"');
  expect(labels('{ "routes": [{ "match": "/a", "|" }] }')).toContain('"upstream"');
});

test("completes the fields of a limit's kind, and of all kinds while it has none", () => {
  const limit = (fields: string) => `{ "tiers": { "free": { "limits": [{ ${fields}"|" }] } } }`;
  expect(labels(limit('"kind": "bucket", "name": "m", '))).toEqual([
    '"tokens"',
    '"per"',
    '"burst"',
    '"unit"',
    '"scope"',
    '"shadow"',
  ]);
  expect(labels(limit(""))).toEqual(expect.arrayContaining(['"kind"', '"amount"', '"ttlMs"']));
});

test("completes the fields of a price's model", () => {
  const quota = (price: string) =>
    `{ "tiers": { "pro": { "limits": [{ "kind": "quota", "overage": { "price": { ${price} } } }] } } }`;
  expect(labels(quota('"model": "|"'))).toEqual(['"unit"', '"graduated"', '"volume"', '"package"']);
  expect(labels(quota('"model": "package", "|"'))).toEqual(['"size"', '"price"', '"free"']);
  expect(labels(quota('"model": "volume", "tiers": [{ "upTo": 5, "|" }]'))).toEqual(['"unit"', '"flat"']);
});

test("completes the values that a field may have, among them the document's own tiers", () => {
  expect(labels('{ "tiers": { "free": { "mode": "|" } } }')).toEqual(['"auto"', '"strict"', '"leased"']);
  expect(labels('{ "tiers": { "free": { "limits": [{ "kind": "|" }] } } }')).toEqual([
    '"bucket"',
    '"quota"',
    '"concurrency"',
  ]);
  expect(labels('{ "tiers": { "free": {}, "pro": {} }, "defaultTier": "|" }')).toEqual(['"free"', '"pro"']);
  expect(labels('{ "headers": { "xRateLimit": | } }', true)).toEqual(["true", "false"]);
  expect(labels('{ "routes": [{ "methods": ["|"] }] }')).toContain('"GET"');
});

test("replaces the quotation marks that are there, and adds a colon only if there is none", () => {
  const complete = (text: string) => {
    const { state, pos } = typed(text);
    const result = completionsAt(schema, state, pos, false);
    const apply = result?.options.find(({ label }) => label === '"cors"')?.apply;
    return `${state.sliceDoc(0, result?.from)}${String(apply)}${state.sliceDoc(result?.to)}`;
  };
  expect(complete('{ "co|" }')).toBe('{ "cors":  }');
  expect(complete('{ "co|": {} }')).toBe('{ "cors": {} }');
});

test("completes nothing without a schema, in a place without one, or before a letter is typed", () => {
  const { state, pos } = typed('{ "|" }');
  expect(completionsAt(null, state, pos, true)).toBeNull();
  expect(labels('{ "unknown": { "|" } }')).toBeNull();
  expect(labels("{ | }")).toBeNull();
  expect(labels('{ "schema": 1 } |', true)).toBeNull();
});

test("explains the field under the pointer", () => {
  const hint = (text: string) => {
    const { state, pos } = typed(text);
    return hintAt(schema, state, pos);
  };
  expect(hint('{ "routes": [{ "co|st": 2 }] }')).toMatchObject({
    name: "cost",
    text: expect.stringContaining("What a request costs"),
  });
  expect(hint('{ "tiers": { "free": { "mo|de": "strict" } } }')?.text).toContain("auto (default)");
  expect(hint('{ "unknown|": 1 }')).toBeNull();
  expect(hint('{ "schema": 1| }')).toBeNull();
});

test("finds a schema for every value of the policy that ships with the Worker", () => {
  if (!schema) throw new Error("the API's document has no policy");
  const visit = (value: unknown, pointer: string): void => {
    expect(
      schemaAt(schema, pointer, (at) => valueAt(policy, at)),
      pointer,
    ).not.toBeNull();
    if (typeof value !== "object" || value === null) return;
    for (const [key, child] of Object.entries(value)) visit(child, `${pointer}/${key.replaceAll("/", "~1")}`);
  };
  visit(policy, "");
  expect(parseSchema({ components: { schemas: {} } })).toBeNull();
});

test("the form takes a route's cost as a number or by unit", () => {
  const cost = schemaAt(schema!, "/routes/0/cost", () => undefined);
  expect([cost?.type, cost?.hasAmounts]).toEqual(["number", true]);
  expect(schemaAt(schema!, "/routes/0/timeoutMs", () => undefined)?.hasAmounts).toBe(false);
  for (const value of [0.5, { tokens: 4_000 }, { requests: 1, tokens: 4_000 }]) {
    expect(readAmounts(amountsText(value))).toEqual(value);
  }
  expect([readAmounts("many"), readAmounts("tokens"), readAmounts("tokens 1 2")]).toEqual([
    "many",
    "tokens",
    "tokens 1 2",
  ]);
});

test("the form can show every field of a policy except maps, whatever its kind", () => {
  const hidden: string[] = [];
  const walk = (node: SchemaNode, path: string): void => {
    for (const { node: option, value } of optionsOf(schema!, node)) walk(option, `${path}:${value}`);
    for (const name of Object.keys(node.properties)) {
      const field = fieldOf(schema!, node, name);
      const kind = kindOf(schema!, field);
      if (kind === null) hidden.push(`${path}/${name}`);
      if (kind === "part") walk(field, `${path}/${name}`);
      if (kind === "list") walk(itemOf(schema!, field), `${path}/${name}`);
    }
  };
  walk(schema!.root, "");
  const free = schemaAt(schema!, "/tiers/free", (at) => valueAt(policy, at))!;
  walk(free, "/tiers/free");
  // Maps: that of the tiers has a place of its own; those of a route's changes, and the pools, are written in the text.
  const changes = ["request/headers", "request/query", "response/headers"].flatMap((place) =>
    ["rename", "set", "add"].map((list) => `/routes/${place}/${list}`),
  );
  expect(hidden).toEqual(["/tiers", ...changes, "/upstreams"]);
  expect(fieldsOf(schema!, free, ["limits", "mode", "durability", "onLimiterFailure", "shadow"])).toEqual({
    fields: [],
    parts: ["plan", "price", "overage"],
    lists: [],
  });
});

test("the form of billing has the operator's estimate and the customers' portal", () => {
  const billing = fieldOf(schema!, schema!.root, "billing");
  const { fields, parts } = fieldsOf(schema!, billing, []);
  expect(fields).toContain("costPerMillion");
  expect(parts).toContain("portal");
  expect(fieldsOf(schema!, fieldOf(schema!, billing, "portal"), []).fields).toEqual(["keys", "tiers"]);
});

test("the form shows one value or several as several, and of other alternatives the first", () => {
  const rule = itemOf(schema!, fieldOf(schema!, schema!.root, "rules"));
  const route = fieldOf(schema!, fieldOf(schema!, rule, "if"), "route");
  expect([route.type, kindOf(schema!, route)]).toEqual(["array", "field"]);
  const then = fieldOf(schema!, rule, "then");
  expect([then.values, then.insteadField, kindOf(schema!, then)]).toEqual([
    ["allow", "deny"],
    "tier",
    "field",
  ]);
  expect(firstValue(schema!, rule)).toEqual({ name: "", if: {}, then: "allow" });
});

test("a part that is added has its required fields, for its author to fill in", () => {
  const tier = schemaAt(schema!, "/tiers/free", (at) => valueAt(policy, at))!;
  const first = (name: string, node = schema!.root) => firstValue(schema!, fieldOf(schema!, node, name));
  expect(first("price", tier)).toEqual({ monthly: 0, currency: "" });
  expect([first("cors"), first("headers")]).toEqual([{ origins: [] }, {}]);
  const prices = itemOf(schema!, fieldOf(schema!, fieldOf(schema!, tier, "plan"), "prices"));
  expect(firstValue(schema!, prices)).toEqual({ route: "", of: "", price: { model: "unit", unit: "" } });
  const price = optionsOf(schema!, fieldOf(schema!, prices, "price")).find(({ value }) => value === "volume");
  const priceTier = itemOf(schema!, fieldOf(schema!, price!.node, "tiers"));
  expect(firstValue(schema!, priceTier)).toEqual({ upTo: null });
});

/**
 * The portal's guards against the API's contract: they accept the examples of docs/openapi.json, which have the types of the schemas that
 * real answers are checked against, and the paths that the page calls exist.
 */
import { describe, expect, it } from "vitest";
import * as api from "../../portal/src/portal-api.ts";
import {
  parseKey,
  parseKeys,
  parseNewKey,
  parseStatus,
  parseUsage,
} from "../../dashboard/src/user/account-api.ts";
import document from "../../docs/openapi.json" with { type: "json" };
import { BILLING, SESSION, TIERS } from "./answers.ts";

/** The fields of an OpenAPI object. */
function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** The JSON bodies of an operation's successful answers, as the contract shows them. */
function examplesOf(method: string, path: string): readonly unknown[] {
  const operation = fields(fields(fields(document.paths)[path])[method]);
  const good = Object.entries(fields(operation["responses"])).filter(([status]) => status.startsWith("2"));
  return good.flatMap(([, response]) => {
    const { examples } = fields(fields(fields(fields(response)["content"])["application/json"]));
    return Object.values(fields(examples)).map((each) => fields(each)["value"]);
  });
}

type Parse = (body: unknown) => unknown;

describe("the portal accepts the example answers of", () => {
  it.each<[string, string, Parse]>([
    ["get", api.SESSION, api.parseSession],
    ["post", api.SESSION, api.parseSession],
    ["get", api.STATUS, parseStatus],
    ["get", api.USAGE, parseUsage],
    ["get", api.BILLING, api.parseBilling],
    ["patch", api.BILLING, api.parseBilling],
    ["get", api.TIERS, api.parseTiers],
    ["post", `${api.TIER}/preview`, api.parsePreview],
    ["post", api.TIER, api.parseChange],
    ["get", api.INVOICES, api.parseInvoices],
    ["get", api.KEYS, parseKeys],
    ["post", api.KEYS, parseNewKey],
    ["post", `${api.KEYS}/{keyId}/rotate`, parseNewKey],
    ["delete", `${api.KEYS}/{keyId}`, parseKey],
  ])("%s %s", (method, path, parse) => {
    const examples = examplesOf(method, path);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(parse(example)).not.toBeNull();
  });
});

it("the paths of sign-out and of documents are in the contract", () => {
  const paths: Readonly<Record<string, object>> = document.paths;
  expect(paths[api.SESSION]).toHaveProperty("delete");
  for (const type of ["html", "pdf"])
    expect(paths[`${api.INVOICES}/{invoice}.${type}`]).toHaveProperty("get");
});

it("the fixture of the other tests has answers of the API", () => {
  expect([api.parseSession(SESSION), api.parseBilling(BILLING), api.parseTiers(TIERS)]).toEqual([
    SESSION,
    BILLING,
    TIERS,
  ]);
});

it("an answer that lacks a field, or has another value, is none", () => {
  const { may: _may, ...less } = SESSION;
  expect(api.parseSession(less)).toBeNull();
  expect(api.parseSession({ ...SESSION, kind: "password" })).toBeNull();
  expect(api.parseBilling({ ...BILLING, forecast: { periodEnd: "2026-12-01" } })).toBeNull();
  expect(api.parseTiers({ ...TIERS, tiers: [{ name: "pro" }] })).toBeNull();
});

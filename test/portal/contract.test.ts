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
import { OPERATIONS } from "../dashboard/contract-examples.ts";
import { BILLING, SESSION, TIERS } from "./answers.ts";

/** The operation that a method and a path have. */
function operationAt(method: string, path: string) {
  return [...OPERATIONS.values()].find((one) => one.method === method && one.path === path);
}

type Parse = (body: unknown) => unknown;

describe("the portal accepts the example answers of", () => {
  it.each<[string, string, Parse]>([
    ["GET", api.SESSION, api.parseSession],
    ["POST", api.SESSION, api.parseSession],
    ["GET", api.STATUS, parseStatus],
    ["GET", api.USAGE, parseUsage],
    ["GET", api.BILLING, api.parseBilling],
    ["PATCH", api.BILLING, api.parseBilling],
    ["GET", api.TIERS, api.parseTiers],
    ["POST", `${api.TIER}/preview`, api.parsePreview],
    ["POST", api.TIER, api.parseChange],
    ["GET", api.INVOICES, api.parseInvoices],
    ["GET", api.KEYS, parseKeys],
    ["POST", api.KEYS, parseNewKey],
    ["POST", `${api.KEYS}/{keyId}/rotate`, parseNewKey],
    ["DELETE", `${api.KEYS}/{keyId}`, parseKey],
  ])("%s %s", (method, path, parse) => {
    const { examples = [] } = operationAt(method, path) ?? {};
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(parse(example)).not.toBeNull();
  });
});

it("the paths of sign-out and of documents are in the contract", () => {
  expect(operationAt("DELETE", api.SESSION)).toBeDefined();
  for (const type of ["html", "pdf"])
    expect(operationAt("GET", `${api.INVOICES}/{invoice}.${type}`)).toBeDefined();
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

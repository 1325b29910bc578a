/**
 * What anybody may send to the control plane: ids that are none, bodies that are too large, too deep or of the wrong shape, text
 * of every alphabet. Each is taken or refused with a reason, and never breaks anything.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isUserId } from "../../src/identity/user-id.ts";
import { CONTRACT, type Endpoint } from "../../src/api/contract.ts";
import { MAX_BODY_BYTES } from "../../src/api/body.ts";
import { startClock, stopClock } from "../durable-objects/fixture.ts";
import { start } from "../fixtures/control-start.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

// Many calls one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

const ADMIN = "/api/v1/admin";
type Route = Pick<Endpoint, "method" | "path" | "body">;
const ROUTES = Object.values<Endpoint>(CONTRACT)
  .filter(({ path }) => path.startsWith(`${ADMIN}/`) && !path.endsWith("/session"))
  .map(({ method, path, body }): Route => {
    const below = path.slice(ADMIN.length);
    return body ? { method, path: below, body } : { method, path: below };
  });
const WITH_ID = ROUTES.filter(({ path }) => path.includes(":id"));
const WITH_BODY = ROUTES.filter(({ body }) => body !== undefined);

/** A body that the endpoint would take, so that only the id is at fault. */
const BODIES: Readonly<Record<string, unknown>> = {
  "PATCH /accounts/:id": { tier: "pro" },
  "POST /accounts/:id/grants": { limit: "day", amount: 1, until: "2100-12-01T00:00:00Z" },
};
const bodyOf = ({ method, path, body }: Route): unknown =>
  body === undefined ? undefined : (BODIES[`${method} ${path}`] ?? {});

/** Path segments as they are sent. None is the id of an account, and most are no id at all. */
const NO_IDS: [what: string, segment: string][] = [
  ["a space", "%20"],
  ["an id with a space", "a%20b"],
  ["a null byte", "%00"],
  ["an id with a null byte", "anna%00"],
  ["a line break and a header", "a%0d%0aX-Admin:%20yes"],
  ["a tab", "%09"],
  ["delete", "%7f"],
  ["201 characters", "a".repeat(201)],
  ["5,000 characters", "a".repeat(5_000)],
  ["a Cyrillic a", "%D0%B0nna"],
  ["a fullwidth a", "%EF%BD%81nna"],
  ["a zero-width joiner", "anna%E2%80%8D"],
  ["a right-to-left mark", "%E2%80%AEanna"],
  ["an emoji", "%F0%9F%98%80"],
  ["half of a character", "%F0%9F"],
  ["bytes that are no UTF-8", "%ff%fe"],
  ["a percent sign alone", "%"],
  ["a slash", "anna%2Fkeys"],
  ["the way up", "%2e%2e%2f%2e%2e%2fpolicy"],
  ["a backslash", "..%5C..%5Cpolicy"],
  ["a query", "anna%3Freset=true"],
  ["an object's name", "user:anna"],
  ["an address", "ip:192.0.2.1"],
  ["a prototype", "__proto__"],
  ["SQL", "'%3B%20DROP%20TABLE%20account%3B--"],
];

/** As the router reads a segment: what cannot be decoded stays as it is. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

describe("an id that is none", () => {
  it.each(NO_IDS)("%s is 404 on every route that takes one, and makes nothing", async (_what, segment) => {
    const { operator } = await start();
    const logged = vi.spyOn(console, "error").mockReturnValue();
    for (const endpoint of WITH_ID) {
      const path = endpoint.path.replace(":id", segment).replace(":keyId", "key");
      const response = await operator.send(endpoint.method, path, bodyOf(endpoint));
      // Services may ask about users without an account: whatever can be a user's id has a status.
      if (endpoint.path.endsWith("/status") && isUserId(decoded(segment))) {
        expect(await response.json()).toMatchObject({ usage: { month: { requests: 0 } } });
        continue;
      }
      const problem = await problemOf(response);
      expect([endpoint.method, endpoint.path, problem.status]).toEqual([endpoint.method, endpoint.path, 404]);
      expect(response.headers.has("X-Admin")).toBe(false);
    }
    expect(logged).not.toHaveBeenCalled();
  });

  it.each([".", "..", "%2e", "%2E%2e", ""])(
    "%j never names an account: the path has another meaning",
    async (segment) => {
      const { operator } = await start();
      await operator.send("POST", "/accounts", { id: "anna" });
      for (const endpoint of WITH_ID) {
        const path = endpoint.path.replace(":id", segment).replace(":keyId", "key");
        const response = await operator.send(endpoint.method, path, bodyOf(endpoint));
        expect(response.status).toBeLessThan(500);
      }
      expect(await operator.get("account", "/accounts/anna")).toMatchObject({ version: 1, tier: "free" });
    },
  );

  it.each([
    "",
    " ",
    "a b",
    "a".repeat(201),
    "аnna",
    "a\u0000",
    "a\n",
    "😀",
    "\ud800",
    "..",
    ".",
    5,
    null,
    ["a"],
    {},
  ])("%j is not created", async (id) => {
    const { operator } = await start();
    expect(await operator.refusal("POST", "/accounts", { id })).toBe("422 /id");
  });

  it("is not one of those that only look strange: they are created, read, used and deleted", async () => {
    const { edge, operator } = await start();
    const strange = [
      "a".repeat(200),
      "!",
      "~",
      "auth0|5f/7c",
      "a@b.example",
      "urn:x:1?y#z",
      "100%",
      "%2e%2e",
      "..a",
      "\\",
      "'",
      '"',
      "`",
      "<b>",
      "${x}",
      "user:x",
      "constructor",
    ];
    for (const id of strange) {
      const path = `/accounts/${encodeURIComponent(id)}`;
      expect((await operator.createAccount(id)).id).toBe(id);
      const { key } = await operator.issueKey(id);
      expect((await edge.request("/identify", { headers: { "X-API-Key": key } })).status).toBe(200);
      expect((await operator.get("usage", `${path}/usage`)).usage).toMatchObject([{ requests: 1 }]);
      const { accounts } = await operator.get(
        "accounts",
        `/accounts?name=${encodeURIComponent(id)}&limit=100`,
      );
      expect(accounts.some((account) => account.id === id)).toBe(true);
      expect((await operator.send("DELETE", path)).status).toBe(204);
    }
  });
});

describe("a body", () => {
  const paths = WITH_BODY.map((endpoint): [string, Route, string] => [
    `${endpoint.method} ${endpoint.path}`,
    endpoint,
    endpoint.path.replace(":id", "nobody").replace(":keyId", "key").replace(":n", "0"),
  ]);
  const IF_MATCH = { "If-Match": '"1"' };

  it.each(paths)(
    "that is too large is 413 for %s, whatever its length is said to be",
    async (_name, { method }, path) => {
      const { operator } = await start();
      const large = JSON.stringify({ reason: "x".repeat(MAX_BODY_BYTES) });
      expect(await operator.refusal(method, path, large, IF_MATCH)).toBe("413 ");
      expect(await operator.refusal(method, path, large, { ...IF_MATCH, "Content-Length": "10" })).toBe(
        "413 ",
      );
    },
  );

  it.each(paths)("that is not JSON is 400 for %s", async (_name, { method }, path) => {
    const { operator } = await start();
    for (const body of ["", "{", "undefined", "{'a':1}", "\ufeff{}x", "<xml/>", "a=1&b=2", "\u0000"]) {
      expect(await operator.refusal(method, path, body, IF_MATCH), body).toBe("400 ");
    }
  });

  it.each(paths)("of another shape is 422 for %s, however deep", async (_name, { method }, path) => {
    const { operator } = await start();
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const deepField = `{"reason":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`;
    for (const body of [
      "null",
      "[]",
      '""',
      "1",
      "true",
      deep,
      deepField,
      '{"unknown":1}',
      '{"__proto__":{"x":1},"y":1}',
    ]) {
      const { status } = await operator.send(method, path, body, IF_MATCH);
      expect([body.slice(0, 30), status]).toEqual([body.slice(0, 30), 422]);
    }
  });

  it("whose document is deep, long or of many faults is refused, with no more faults than one can read", async () => {
    const { operator } = await start();
    const before = await operator.revision();
    const documents = [
      `{"document":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
      `{"document":{"schema":1,"tiers":{${Array.from({ length: 5_000 }, (_, i) => `"t${i}":{"limits":[{}]}`).join(",")}}}}`,
    ];
    for (const body of documents) {
      for (const [method, path] of [
        ["PUT", "/policy"],
        ["POST", "/policy/validate"],
      ] as const) {
        const response = await operator.send(method, path, body, { "If-Match": "*" });
        const { errors }: { errors: unknown[] } = await response.json();
        expect([200, 422]).toContain(response.status);
        expect(errors.length).toBeGreaterThan(0);
        expect(errors.length).toBeLessThanOrEqual(50);
      }
    }
    expect(await operator.revision()).toBe(before);
  });
});

describe("text", () => {
  const TEXTS: [what: string, text: string][] = [
    ["markup", "<script>alert(1)</script>"],
    ["quotes and backslashes", `it's "so" \\ so`],
    ["SQL", "'; DROP TABLE account; --"],
    ["control characters", "a\u0001b\tc\r\nd\u007f"],
    ["a null byte", "a\u0000b"],
    ["every plane", "Å日本語😀\u202e\u200d"],
    ["two hundred of the longest characters", "😀".repeat(100)],
    ["a formula", "=HYPERLINK(0)"],
    ["a key", "el_live_000000000000000000000000000000000000"],
  ];

  it.each(TEXTS)(
    "%s is kept as it is: in a name, a reason, a key's name and the list",
    async (_what, text) => {
      const { operator } = await start();
      const id = `texts-${TEXTS.findIndex((row) => row[1] === text)}`;
      expect((await operator.createAccount(id, { name: text, reason: text })).name).toBe(text);
      await operator.issueKey(id, { name: text, reason: text });
      expect((await operator.get("account", `/accounts/${id}`)).name).toBe(text);
      expect((await operator.get("keys", `/accounts/${id}/keys`)).keys).toMatchObject([{ name: text }]);
      const found = await operator.get("accounts", `/accounts?name=${encodeURIComponent(text)}`);
      expect(found.accounts).toMatchObject([{ id, name: text }]);
      const { entries } = await operator.get("audit", `/accounts/${id}/audit`);
      expect(entries.map(({ reason }) => reason)).toEqual([text, text]);
      expect(entries[1]?.after).toMatchObject({ name: text });
    },
  );

  it("with half a character in it breaks nothing", async () => {
    const { operator } = await start();
    const response = await operator.send(
      "POST",
      "/accounts",
      `{"id":"half","name":"a\\ud800b","reason":"\\udc00"}`,
    );
    expect(response.status).toBe(201);
    expect((await operator.get("accounts", "/accounts?name=half")).accounts).toHaveLength(1);
    expect((await operator.get("audit", "/accounts/half/audit")).entries).toHaveLength(1);
  });

  it.each<[field: string, method: string, path: string, body: object, refusal: string]>([
    ["name", "POST", "/accounts", { id: "x", name: "n".repeat(201) }, "422 /name"],
    ["reason", "POST", "/accounts", { id: "x", reason: "r".repeat(501) }, "422 /reason"],
    ["name", "PATCH", "/accounts/long", { name: "n".repeat(201) }, "422 /name"],
    ["reason", "POST", "/accounts/long/reset", { reason: "r".repeat(501) }, "422 /reason"],
    ["key's name", "POST", "/accounts/long/keys", { name: "n".repeat(201) }, "422 /name"],
    ["query's reason", "DELETE", `/accounts/long?reason=${"r".repeat(501)}`, {}, "400 /reason"],
  ])("that is longer than a %s may be is refused", async (_field, method, path, body, refusal) => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "long" });
    expect(await operator.refusal(method, path, method === "DELETE" ? undefined : body)).toBe(refusal);
  });
});

describe("every list", () => {
  it.each(["/accounts", "/accounts/listed/audit", "/accounts/listed/usage", "/policy/revisions"])(
    "%s is paged, and has no page that is larger than allowed",
    async (path) => {
      const { operator } = await start();
      await operator.send("POST", "/accounts", { id: "listed" });
      const page = await operator.send("GET", `${path}?limit=1`);
      expect(Object.keys(await page.json<object>())).toContain("cursor");
      for (const limit of ["0", "-1", "1e3", "10000", "", "all", "1%00"]) {
        expect(await operator.refusal("GET", `${path}?limit=${limit}`)).toBe("400 /limit");
      }
    },
  );
});

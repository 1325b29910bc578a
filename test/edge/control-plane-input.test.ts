/**
 * Any input to the control plane: invalid ids, bodies that are too large, too deep or of the wrong shape, text in every script. Each is
 * accepted, or rejected with a reason, and never breaks anything.
 */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { userSubject } from "../../src/identity/authenticate.ts";
import { isUserId } from "../../src/identity/user-id.ts";
import { CONTRACT } from "../../src/api/contract.ts";
import type { Endpoint } from "../../src/api/endpoint.ts";
import { MAX_BODY_BYTES } from "../../src/api/body.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import { startClock, stopClock } from "../durable-objects/fixture.ts";
import { CONTROL_POLICY, start } from "../fixtures/control-start.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

const ADMIN = "/api/v1/admin";
type Route = Pick<Endpoint, "method" | "path" | "body">;
const ROUTES = Object.values<Endpoint>(CONTRACT)
  // A body of lines is judged line by line: control-plane-import.test.ts.
  .filter(
    ({ path, isLines }) => path.startsWith(`${ADMIN}/`) && !path.endsWith("/session") && isLines !== true,
  )
  .map(({ method, path, body }): Route => {
    const below = path.slice(ADMIN.length);
    return body ? { method, path: below, body } : { method, path: below };
  });
const WITH_ID = ROUTES.filter(({ path }) => path.includes(":id"));
const WITH_BODY = ROUTES.filter(({ body }) => body !== undefined);

/** A body that the endpoint accepts, so that only the id is at fault. */
const BODIES: Readonly<Record<string, unknown>> = {
  "PATCH /accounts/:id": { tier: "pro" },
  "POST /accounts/:id/grants": { limit: "day", amount: 1, until: "2100-12-01T00:00:00Z" },
  "PATCH /accounts/:id/billing": { budget: "5" },
  "POST /accounts/:id/tier": { tier: "pro" },
  "POST /accounts/:id/tier/preview": { tier: "pro" },
  "POST /accounts/:id/invoices/:invoice/adjustments": { lines: [{ description: "d", amount: "1" }] },
  "POST /accounts/:id/invoices/:invoice/credit-notes": { lines: [{ line: 0, amount: "1" }], reason: "r" },
  "POST /accounts/:id/credits": { kind: "paid", amount: "5", source: "payment" },
};
const bodyOf = ({ method, path, body }: Route): unknown =>
  body === undefined ? undefined : (BODIES[`${method} ${path}`] ?? {});

/** Path segments as they are sent. None is the id of an account, and most are not ids. */
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

/** As the router reads a segment: it leaves invalid encodings as they are. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

describe("an invalid id", () => {
  it.each(NO_IDS)("%s is 404 on every route with an id, and creates nothing", async (_what, segment) => {
    const { operator } = await start();
    const logged = vi.spyOn(console, "error").mockReturnValue();
    for (const endpoint of WITH_ID) {
      const path = endpoint.path
        .replace(":id", segment)
        .replace(":keyId", "key")
        .replace(":grantId", "grant")
        .replace(":creditId", "credit");
      const response = await operator.send(endpoint.method, path, bodyOf(endpoint));
      // Services may check users without an account: every possible user id has a status.
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
        const path = endpoint.path
          .replace(":id", segment)
          .replace(":keyId", "key")
          .replace(":grantId", "grant")
          .replace(":creditId", "credit");
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
    expect(await operator.rejection("POST", "/accounts", { id })).toBe("422 /id");
  });

  it("does not include unusual ids that are valid: they can be created, read, used and deleted", async () => {
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
    endpoint.path
      .replace(":id", "nobody")
      .replace(":keyId", "key")
      .replace(":grantId", "grant")
      .replace(":n", "0"),
  ]);
  const IF_MATCH = { "If-Match": '"1"' };

  it.each(paths)(
    "that is too large is 413 for %s, whatever its length is said to be",
    async (_name, { method }, path) => {
      const { operator } = await start();
      const large = JSON.stringify({ reason: "x".repeat(MAX_BODY_BYTES) });
      expect(await operator.rejection(method, path, large, IF_MATCH)).toBe("413 ");
      expect(await operator.rejection(method, path, large, { ...IF_MATCH, "Content-Length": "10" })).toBe(
        "413 ",
      );
    },
  );

  it.each(paths)("that is not JSON is 400 for %s", async (_name, { method }, path) => {
    const { operator } = await start();
    for (const body of ["{", "undefined", "{'a':1}", "\ufeff{}x", "<xml/>", "a=1&b=2", "\u0000"]) {
      expect(await operator.rejection(method, path, body, IF_MATCH), body).toBe("400 ");
    }
  });

  it.each(paths)(
    "that is empty is 400 for %s, unless it needs no field",
    async (_name, { method, body }, path) => {
      if (body === undefined) throw new Error("these routes have bodies");
      const { operator } = await start();
      // Never the condition of a revision: it would be activated.
      const { status } = await operator.send(method, path, "", { "If-Match": '"0"' });
      expect(status === 400).toBe(!z.safeParse(body, {}).success);
    },
  );

  it.each(paths)("of another shape is 422 for %s, at any depth", async (_name, { method }, path) => {
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

  it("with a document that is deep, long or has many faults is rejected with a readable number of faults", async () => {
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
    ["every plane", "Å日本語😀 مرحبا"],
    ["joined emoji", "👩\u200d👩\u200d👧"],
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

  const REFUSED = [
    ..."\u0000\u0001\t\n\r\u001b\u007f\u0085\u009f",
    ..."\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e",
    ..."\u00ad\u034f\u115f\u1160\u180e\u3164\uffa0",
    ..."\u2060\u2066\u2067\u2068\u2069\u206f\ufeff\ufff9",
    "\ud800",
    "\udc00",
    "\udc00\ud800",
  ];

  it("with control, direction or invisible characters, or a lone surrogate, is rejected wherever it is stored", async () => {
    const { operator } = await start();
    const { revision, document } = await operator.get("policy", "/policy");
    const { keyId } = await operator.createAccount("plain").then(() => operator.issueKey("plain"));
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const places: [field: string, method: string, path: string, body: object][] = [
      ["name", "POST", "/accounts", { id: "rejected" }],
      ["reason", "POST", "/accounts", { id: "rejected" }],
      ["name", "PATCH", "/accounts/plain", {}],
      ["reason", "PATCH", "/accounts/plain", { status: "active" }],
      ["reason", "POST", "/accounts/plain/grants", { limit: "day", amount: 1, until }],
      ["reason", "POST", "/accounts/plain/reset", {}],
      ["name", "POST", "/accounts/plain/keys", {}],
      ["reason", "POST", "/accounts/plain/keys", {}],
      ["reason", "POST", `/accounts/plain/keys/${keyId}/rotate`, {}],
      ["reason", "PUT", "/policy", { document }],
      ["reason", "POST", `/policy/revisions/${revision}/activate`, {}],
    ];
    for (const odd of REFUSED) {
      for (const [field, method, path, body] of places) {
        const spoilt = { ...body, [field]: `a${odd}b` };
        const rejection = await operator.rejection(method, path, spoilt, { "If-Match": "*" });
        expect([path, escape(odd), rejection]).toEqual([path, escape(odd), `422 /${field}`]);
      }
      if (!odd.isWellFormed()) continue;
      const query = `?reason=${encodeURIComponent(odd)}`;
      for (const path of ["/accounts/plain", `/accounts/plain/keys/${keyId}`])
        expect(await operator.rejection("DELETE", `${path}${query}`)).toBe("400 /reason");
    }
    expect((await operator.get("audit", "/accounts/plain/audit")).entries).toHaveLength(2);
    expect(await operator.revision()).toBe(revision);
  });

  it("in a new policy is checked, too, and its place is named", async () => {
    const { operator } = await start();
    const odd = {
      ...CONTROL_POLICY,
      tiers: { ...CONTROL_POLICY.tiers, pro: { limits: [], price: { monthly: 1, currency: "a\u202eb" } } },
      routes: [{ match: "/x", upstream: "http://a\u0000b" }],
    };
    const paths = ["/tiers/pro/price/currency", "/routes/0/upstream"];
    expect(await operator.rejection("PUT", "/policy", { document: odd }, { "If-Match": "*" })).toBe(
      `422 ${paths.map((path) => `/document${path}`).join(" ")}`,
    );
    const checked = await operator.do("validity", "POST", "/policy/validate", { document: odd });
    expect(checked).toMatchObject({ valid: false, errors: paths.map((path) => ({ path })) });
  });

  it("that reports use as another reason is rejected as the name of a new policy's limit", async () => {
    const { operator } = await start();
    const limit = (name: string) => ({ name, kind: "bucket", tokens: 1, per: "minute" });
    const odd = {
      ...CONTROL_POLICY,
      tiers: {
        ...CONTROL_POLICY.tiers,
        extra: { limits: [limit("fine"), limit("blocked"), limit("revoked")] },
      },
      routes: [
        { match: "/a", limits: [limit("not_found")] },
        { match: "/b", limits: [limit("overloaded"), limit("idempotency_mismatch")] },
      ],
    };
    const paths = [
      "/tiers/extra/limits/1",
      "/tiers/extra/limits/2",
      "/routes/1/limits/0",
      "/routes/1/limits/1",
    ];
    expect(await operator.rejection("PUT", "/policy", { document: odd }, { "If-Match": "*" })).toBe(
      `422 ${paths.map((path) => `/document${path}/name`).join(" ")}`,
    );
    const checked = await operator.do("validity", "POST", "/policy/validate", { document: odd });
    expect(checked).toMatchObject({ valid: false, errors: paths.map((path) => ({ path: `${path}/name` })) });
    // A stored policy must compile forever.
    expect(compilePolicy(odd, 1).ok).toBe(true);
  });

  it("that was stored before this check can still be read", async () => {
    const { operator } = await start();
    const stub = env.USER_LIMITER.getByName(userSubject("old-text"));
    const text = "a\u0000b\n\u202e";
    await stub.createAccount("old-text", { name: text, tier: "free" }, { actor: "x", reason: text });
    expect((await operator.get("account", "/accounts/old-text")).name).toBe(text);
    expect((await operator.get("accounts", "/accounts?name=old-text")).accounts).toMatchObject([
      { name: text },
    ]);
    expect(
      (await operator.get("accounts", `/accounts?name=${encodeURIComponent(text)}`)).accounts,
    ).toHaveLength(1);
    expect((await operator.get("audit", "/accounts/old-text/audit")).entries).toMatchObject([
      { reason: text },
    ]);
    expect(await operator.do("changedAccount", "PATCH", "/accounts/old-text", { tier: "pro" })).toMatchObject(
      {
        name: text,
      },
    );
  });

  it.each<[field: string, method: string, path: string, body: object, rejection: string]>([
    ["name", "POST", "/accounts", { id: "x", name: "n".repeat(201) }, "422 /name"],
    ["reason", "POST", "/accounts", { id: "x", reason: "r".repeat(501) }, "422 /reason"],
    ["name", "PATCH", "/accounts/long", { name: "n".repeat(201) }, "422 /name"],
    ["reason", "POST", "/accounts/long/reset", { reason: "r".repeat(501) }, "422 /reason"],
    ["key's name", "POST", "/accounts/long/keys", { name: "n".repeat(201) }, "422 /name"],
    ["query's reason", "DELETE", `/accounts/long?reason=${"r".repeat(501)}`, {}, "400 /reason"],
  ])("that is too long for a %s is rejected", async (_field, method, path, body, rejection) => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "long" });
    expect(await operator.rejection(method, path, method === "DELETE" ? undefined : body)).toBe(rejection);
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
        expect(await operator.rejection("GET", `${path}?limit=${limit}`)).toBe("400 /limit");
      }
    },
  );
});

describe("a repeated query parameter", () => {
  const QUERIES = Object.values<Endpoint>(CONTRACT).flatMap(({ method, path, query }) => {
    if (!path.startsWith(`${ADMIN}/`) || !(query instanceof z.ZodMiniObject)) return [];
    const below = path
      .slice(ADMIN.length)
      .replace(":id", "anna")
      .replace(":keyId", "key")
      .replace(":grantId", "grant")
      .replace(":invoice", "anna.20260101");
    return Object.keys(query.shape).map((name): [string, string, string] => [
      method,
      below.replace(":name", "overview"),
      name,
    ]);
  });

  it.each(QUERIES)("is 400 at %s %s: %s", async (method, path, name) => {
    const { operator } = await start();
    const headers = path === "/live" ? { Upgrade: "websocket" } : {};
    for (const query of [`${name}=1&${name}=2`, `${name}=&${name}=`, `${name}&x&${name}`]) {
      const rejection = await operator.rejection(method, `${path}?${query}`, undefined, headers);
      expect([query, rejection]).toEqual([query, expect.stringMatching(new RegExp(`^400 .*/${name}( |$)`))]);
    }
  });

  it("is 400 even if both values are equal or the name is encoded, and so is a parameter that objects inherit", async () => {
    const { operator } = await start();
    expect(await operator.rejection("GET", "/accounts?tier=free&tier=free")).toBe("400 /tier");
    expect(await operator.rejection("GET", "/accounts?tier=free&t%69er=pro")).toBe("400 /tier");
    expect(await operator.rejection("GET", "/accounts?__proto__=1")).toBe("400 /__proto__");
  });
});

describe("a time", () => {
  const BEYOND = ["9999-12-31T23:00:00.001Z", "9999-12-31T23:59:59Z", "0000-01-01", "0000-12-31T23:59:59Z"];

  it.each(BEYOND)(
    "whose hours reach out of the years 1 to 9999 is rejected wherever one is taken: %s",
    async (at) => {
      const { operator } = await start();
      await operator.send("POST", "/accounts", { id: "timed" });
      for (const name of ["from", "to"]) {
        expect(await operator.rejection("GET", `/accounts/timed/usage?${name}=${at}`)).toBe(`400 /${name}`);
        expect(await operator.rejection("GET", `/reports/overview?${name}=${at}`)).toBe(`400 /${name}`);
        const simulation = { document: CONTROL_POLICY, [name]: at };
        expect(await operator.rejection("POST", "/simulate", simulation)).toBe(`422 /${name}`);
      }
      const grant = { limit: "day", amount: 1, until: at };
      expect(await operator.rejection("POST", "/accounts/timed/grants", grant)).toBe("422 /until");
    },
  );

  it("within the years 1 to 9999 stays within them", async () => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "timed-2" });
    for (const granularity of ["hour", "day", "month"]) {
      const span = "from=0001-01-01&to=9999-12-31T23:00:00Z";
      const usage = await operator.get("usage", `/accounts/timed-2/usage?${span}&granularity=${granularity}`);
      expect([usage.from, usage.to]).toEqual(["0001-01-01T00:00:00.000Z", "9999-12-31T23:00:00.000Z"]);
    }
    // Keys that "never" expire are often given the last possible second.
    const expiresAt = "9999-12-31T23:59:59Z";
    const key = await operator.issueKey("timed-2", { expiresAt });
    expect(key.expiresAt).toBe("9999-12-31T23:59:59.000Z");
    expect(
      await operator.rejection("POST", "/accounts/timed-2/keys", { expiresAt: "0000-01-01T00:00:00Z" }),
    ).toBe("422 /expiresAt");
  });
});

describe("a field called __proto__", () => {
  it.each<[what: string, method: string, path: string, body: string, rejection: string]>([
    [
      "in numbers of an account's own",
      "PATCH",
      "/accounts/own",
      '{"limits":{"__proto__":{}}}',
      "422 /limits/__proto__",
    ],
    [
      "beside others",
      "PATCH",
      "/accounts/own",
      '{"limits":{"day":{"burst":9},"__proto__":{"burst":9}}}',
      "422 /limits/__proto__",
    ],
    [
      "spelt with an escape",
      "PATCH",
      "/accounts/own",
      '{"limits":{"\\u005f_proto__":{}}}',
      "422 /limits/__proto__",
    ],
    [
      "in a limit",
      "PATCH",
      "/accounts/own",
      '{"limits":{"day":{"__proto__":{}}}}',
      "422 /limits/day/__proto__",
    ],
    [
      "as a tier",
      "PUT",
      "/policy",
      '{"document":{"tiers":{"__proto__":{"limits":[]}}}}',
      "422 /document/tiers/__proto__",
    ],
  ])("%s is rejected, not dropped", async (_what, method, path, body, rejection) => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "own" });
    expect(await operator.rejection(method, path, body, { "If-Match": "*" })).toBe(rejection);
    expect(await operator.get("account", "/accounts/own")).toMatchObject({ limits: {}, version: 1 });
  });

  it("is allowed as a value", async () => {
    const { operator } = await start();
    expect((await operator.createAccount("value", { name: "__proto__" })).name).toBe("__proto__");
  });
});

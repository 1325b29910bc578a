/** Every error a client can get has the one promised form, and reveals nothing of the implementation. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { admin, customer, newAddress, newUser } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { kvWith, objectsWith } from "../fixtures/edge-bindings.ts";
import { policyWith, TEST_POLICY } from "../fixtures/edge-policy.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

const POLICY = policyWith({
  tiers: { ...TEST_POLICY.tiers, closed: { limits: [], onLimiterFailure: "closed" } },
  routes: [...TEST_POLICY.routes, { match: "/get", methods: ["GET"] }, { match: "/slow", timeoutMs: 1 }],
});
const CHECK = "/api/v1/rate-limit/check";
const REGISTRY = "https://iana.org/assignments/http-problem-types";

interface Row {
  readonly what: string;
  readonly status: number;
  readonly code: string;
  readonly ask: (edge: Edge) => Promise<Response>;
  readonly type?: string;
  /** Headers of this problem, beyond those that all problems have. */
  readonly headers?: Record<string, RegExp>;
  /** Further members of the body. */
  readonly members?: Record<string, unknown>;
}

/** A POST with a key that has the scope `check`. */
async function post(edge: Edge, body: string, path = CHECK): Promise<Response> {
  const { headers } = await customer(edge, { scopes: ["check"] });
  return edge.request(path, { method: "POST", body, headers });
}

const fault = (path: string) => ({ errors: [{ path, message: expect.any(String) }] });
const RETRY = { "retry-after": /^[1-9]\d*$/ };

const ROWS: Row[] = [
  {
    what: "an ambiguous path",
    status: 400,
    code: "invalid_request",
    ask: (edge) => edge.request("/a%2fb"),
    members: fault(""),
  },
  {
    what: "a body that is not JSON",
    status: 400,
    code: "invalid_request",
    ask: (edge) => post(edge, "{"),
    members: fault(""),
  },
  {
    what: "a body over a megabyte",
    status: 413,
    code: "invalid_request",
    ask: (edge) => post(edge, `"${"x".repeat(1_048_576)}"`),
    members: fault(""),
  },
  {
    what: "a JSON body that does not match the schema",
    status: 422,
    code: "invalid_request",
    ask: (edge) => post(edge, '{"user":"ada","cost":-1}'),
    members: fault("/cost"),
  },
  {
    what: "a bad credential",
    status: 401,
    code: "invalid_credentials",
    ask: (edge) => edge.request("/identify", { headers: { "X-API-Key": "x" } }),
    headers: { "www-authenticate": /^Bearer realm="[^"]+"$/ },
  },
  {
    what: "a missing credential",
    status: 401,
    code: "invalid_credentials",
    ask: (edge) => edge.request(CHECK, { method: "POST" }),
    headers: { "www-authenticate": /^Bearer / },
  },
  {
    what: "a wrong admin token",
    status: 401,
    code: "invalid_credentials",
    ask: (edge) =>
      edge.request("/api/v1/admin/accounts/x", {
        headers: { Authorization: "Bearer wrong", ...newAddress() },
      }),
    headers: { "www-authenticate": /^Bearer / },
  },
  {
    what: "a blocked user",
    status: 403,
    code: "blocked",
    ask: async (edge) => {
      const { user, headers } = await customer(edge);
      await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked" });
      return edge.request("/identify", { headers });
    },
  },
  {
    what: "a key without the scope",
    status: 403,
    code: "forbidden",
    ask: async (edge) => {
      const { headers } = await customer(edge, { scopes: ["call"] });
      return edge.request(CHECK, { method: "POST", headers });
    },
  },
  { what: "an unknown route", status: 404, code: "not_found", ask: (edge) => edge.request("/nowhere") },
  {
    what: "an unknown reserved path",
    status: 404,
    code: "not_found",
    ask: (edge) => edge.request("/api/v1/nothing"),
  },
  {
    what: "an unknown account",
    status: 404,
    code: "not_found",
    ask: (edge) => admin(edge, "GET", "/accounts/nobody"),
  },
  {
    what: "a method that the route does not allow",
    status: 405,
    code: "method_not_allowed",
    ask: (edge) => edge.request("/get", { method: "DELETE" }),
    headers: { allow: /^GET, HEAD$/ },
  },
  {
    what: "a method that the API does not allow",
    status: 405,
    code: "method_not_allowed",
    ask: (edge) => edge.request(CHECK),
    headers: { allow: /^POST$/ },
  },
  {
    what: "a method that health does not allow",
    status: 405,
    code: "method_not_allowed",
    ask: (edge) => edge.request("/health", { method: "POST" }),
    headers: { allow: /^GET, HEAD$/ },
  },
  {
    what: "an account that already exists",
    status: 409,
    code: "conflict",
    ask: async (edge) => {
      const { user } = await customer(edge);
      return admin(edge, "POST", "/accounts", { id: user });
    },
  },
  {
    what: "a request over a limit",
    status: 429,
    code: "quota_exceeded",
    type: `${REGISTRY}#quota-exceeded`,
    ask: async (edge) => {
      const headers = newAddress();
      for (let i = 0; i < 3; i++) await edge.request("/identify", { headers });
      return edge.request("/identify", { headers });
    },
    headers: { ...RETRY, ratelimit: /^"minute";r=0;t=\d+$/, "ratelimit-policy": /./ },
    members: { "violated-policies": ["minute"] },
  },
  {
    what: "an upstream that fails",
    status: 502,
    code: "upstream_error",
    ask: (edge) => edge.request("/free/fails"),
  },
  {
    what: "an upstream that times out",
    status: 504,
    code: "upstream_timeout",
    ask: (edge) => edge.request("/slow", { headers: newAddress() }),
  },
];

/** Fails, hangs or answers, depending on the path. */
function upstream({ url, signal }: Request): Response | Promise<Response> {
  if (url.endsWith("/fails")) throw new Error("Error: secret\n    at upstream (/srv/secret.js:1:1)");
  if (!url.endsWith("/slow")) return new Response();
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });
}

async function expectProblem(response: Response, row: Omit<Row, "what" | "ask">): Promise<void> {
  const headers = new Headers(response.headers);
  const shown = await response.clone().text();
  const {
    type,
    status,
    code,
    requestId: _id,
    title: _title,
    detail: _detail,
    ...members
  } = await problemOf(response);
  expect({ status, code, type, members }).toEqual({
    status: row.status,
    code: row.code,
    type: row.type ?? "about:blank",
    members: row.members ?? {},
  });
  for (const [name, pattern] of Object.entries(row.headers ?? {}))
    expect(headers.get(name), name).toMatch(pattern);
  expect(shown).not.toMatch(/secret|\bat \S+:\d+|\.ts\b|Error:/);
}

beforeEach(() => {
  vi.spyOn(console, "error").mockReturnValue();
});
afterEach(() => vi.restoreAllMocks());

it.each(ROWS)("$status $code: $what", async ({ ask, ...row }) => {
  await expectProblem(await ask(await startEdge({ policy: POLICY, upstream })), row);
});

describe("503 temporary_reduced_capacity", () => {
  const down = {
    status: 503,
    code: "temporary_reduced_capacity",
    type: `${REGISTRY}#temporary-reduced-capacity`,
    headers: RETRY,
  };
  const brokenObjects = () =>
    objectsWith(() => {
      throw new Error("secret");
    });

  it("if the limiter is down and the tier fails closed", async () => {
    const edge = await startEdge({
      policy: { ...POLICY, anonymousTier: "closed" },
      variables: { USER_LIMITER: brokenObjects() },
    });
    await expectProblem(await edge.request("/identify"), down);
  });

  it("if a caller's status is unavailable", async () => {
    const edge = await startEdge({ variables: { USER_LIMITER: brokenObjects() } });
    await expectProblem(await edge.request("/api/v1/rate-limit/status"), down);
  });

  it("if an account's object does not answer an administrator", async () => {
    const edge = await startEdge({ variables: { USER_LIMITER: brokenObjects() } });
    await expectProblem(await admin(edge, "GET", "/accounts/x"), down);
    await expectProblem(await admin(edge, "POST", "/accounts", { id: newUser() }), down);
  });

  it("if a key cannot be looked up", async () => {
    const healthy = await startEdge({ policy: POLICY });
    const { headers } = await customer(healthy);
    const CONFIG = kvWith((key) => {
      if (key.startsWith("key:")) throw new Error("secret");
    });
    const edge = await startEdge({ policy: POLICY, variables: { CONFIG } });
    await expectProblem(await edge.request("/identify", { headers }), down);
  });
});

it("500 internal_error: an unexpected exception has the same form, and its message is only in the log", async () => {
  const broken = {
    get fetch(): never {
      throw new Error("secret");
    },
  };
  const errors = vi.spyOn(console, "error").mockReturnValue();
  const edge = await startEdge({
    policy: policyWith({ routes: [{ match: "/*", upstream: "service:BROKEN" }] }),
    bindings: { BROKEN: broken },
  });
  const response = await edge.request("/a", { headers: newAddress() });
  await expectProblem(response, { status: 500, code: "internal_error" });
  expect(errors).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/"event":"unhandled".*Error: secret/));
});

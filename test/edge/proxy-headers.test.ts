/**
 * Headers to the upstream and to the client: the gateway alone states the caller's identity, headers of one hop end here, and
 * keys are not forwarded.
 */
import { type JWTPayload, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { createAccount, customer, issueKey, newAddress } from "../fixtures/edge-account.ts";
import { type Edge, startEdge, type Upstream } from "../fixtures/edge-app.ts";
import { policyWith } from "../fixtures/edge-policy.ts";

/** The headers that the upstream received with this request. */
async function seenByUpstream(edge: Edge, headers: HeadersInit): Promise<Headers> {
  const response = await edge.request("/identify", { headers });
  expect(response.status).toBe(200);
  const request = edge.forwarded.at(-1);
  if (!request) throw new Error("nothing was forwarded");
  return request.headers;
}

const answering =
  (headers: HeadersInit): Upstream =>
  () =>
    new Response("", { headers });

describe("the upstream gets the caller's identity", () => {
  const claims = {
    "X-User-Id": "root",
    "X-User-Tier": "enterprise",
    "X-Request-Id": "chosen",
    "X-Real-IP": "203.0.113.1",
    "X-Forwarded-For": "203.0.113.1",
    "X-Forwarded-Host": "evil.test",
    "X-Forwarded-Proto": "gopher",
    Forwarded: "for=203.0.113.1",
  };
  /** The same names as CGI, WSGI and PHP read them, without `-`; lighttpd turns everything but letters into `_`. */
  const written = (separator: string) =>
    Object.fromEntries(
      Object.entries({ ...claims, "CF-Connecting-IP": "203.0.113.1" }).map(([name, value]) => [
        name.replaceAll("-", separator),
        value,
      ]),
    );

  it.each([
    ["in HTTP's spelling", claims],
    ["in CGI's spelling", written("_")],
    ["in spellings that some servers convert to CGI's", { ...written("."), ...written("~") }],
  ])("from the gateway alone: a client's own claims are replaced, %s", async (_what, spoofed) => {
    const edge = await startEdge();
    const { headers: credential, user } = await customer(edge, { tier: "pro" });
    const headers = await seenByUpstream(edge, {
      ...spoofed,
      ...credential,
      "CF-Connecting-IP": "192.0.2.1",
    });
    expect(headers.get("X-User-Id")).toBe(user);
    expect(headers.get("X-User-Tier")).toBe("pro");
    expect(headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get("CF-Connecting-IP")).toBe("192.0.2.1");
    expect(headers.get("X-Forwarded-For")).toBe("192.0.2.1");
    expect(headers.get("X-Forwarded-Host")).toBe("edge.test");
    expect(headers.get("X-Forwarded-Proto")).toBe("https");
    expect([...headers.keys()].filter((name) => /[^a-z-]/.test(name))).toEqual([]);
    for (const name of ["X-Real-IP", "Forwarded"]) expect(headers.has(name)).toBe(false);
  });

  it("as a tier without a user id if the caller is anonymous", async () => {
    const edge = await startEdge();
    const headers = await seenByUpstream(edge, { ...claims, "CF-Connecting-IP": "192.0.2.2" });
    expect(headers.has("X-User-Id")).toBe(false);
    expect(headers.get("X-User-Tier")).toBe("anonymous");
    const unknown = await seenByUpstream(edge, claims);
    expect(unknown.has("X-Forwarded-For")).toBe(false);
  });

  it("with the same request id as the client gets", async () => {
    const edge = await startEdge();
    const response = await edge.request("/free/x", { headers: { "X-Request-Id": "chosen" } });
    expect(response.headers.get("X-Request-Id")).toBe(edge.forwarded[0]?.headers.get("X-Request-Id"));
  });

  it("with all other headers unchanged", async () => {
    const edge = await startEdge();
    const headers = await seenByUpstream(edge, {
      Accept: "text/html",
      Cookie: "a=1; b=2",
      "Accept-Language": "de",
      Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "CF-Connecting-IP": "192.0.2.3",
    });
    expect(headers.get("Accept")).toBe("text/html");
    expect(headers.get("Cookie")).toBe("a=1; b=2");
    expect(headers.get("Accept-Language")).toBe("de");
    expect(headers.get("Traceparent")).toMatch(/^00-0af/);
  });
});

describe("an API key", () => {
  it("is not forwarded, whichever header it came in", async () => {
    const edge = await startEdge();
    const { key } = await customer(edge);
    const spellings = [
      { "X-API-Key": key },
      { Authorization: `Bearer ${key}` },
      { Authorization: `bearer   ${key} ` },
      { "X-API-Key": key, Authorization: `Bearer ${key}` },
    ];
    for (const spelling of spellings) {
      const headers = await seenByUpstream(edge, spelling);
      expect([...headers.values()].join(" ")).not.toContain(key);
    }
  });

  it("leaves a separate Authorization header to the upstream", async () => {
    const edge = await startEdge();
    const { headers: credential } = await customer(edge);
    const headers = await seenByUpstream(edge, { ...credential, Authorization: "Basic dXBzdHJlYW0=" });
    expect(headers.get("Authorization")).toBe("Basic dXBzdHJlYW0=");
  });

  it("is forwarded if the route says so", async () => {
    const policy = policyWith({ routes: [{ match: "/identify", forwardKey: true }] });
    const edge = await startEdge({ policy });
    const { key } = await customer(edge);
    expect((await seenByUpstream(edge, { "X-API-Key": key })).get("X-API-Key")).toBe(key);
    const bearer = await seenByUpstream(edge, { Authorization: `Bearer ${key}` });
    expect(bearer.get("Authorization")).toBe(`Bearer ${key}`);
  });
});

describe("a JWT", () => {
  const secret = "a shared secret of at least 32 characters";
  const variables = {
    JWT_ALGORITHM: "HS256",
    JWT_SECRET: secret,
    JWT_ISSUER: "i",
    JWT_AUDIENCE: "a",
    JWT_TIER_CLAIM: "tier",
  };
  const bearer = async (claims: JWTPayload) => {
    const token = await new SignJWT({ sub: "ada", iss: "i", aud: "a", ...claims })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(secret));
    return { Authorization: `Bearer ${token}` };
  };

  it("is forwarded", async () => {
    const edge = await startEdge({ variables });
    const credential = await bearer({});
    const headers = await seenByUpstream(edge, credential);
    expect(headers.get("Authorization")).toBe(credential.Authorization);
    expect(headers.get("X-User-Id")).toBe("ada");
  });

  it("gives the upstream only tiers of the policy, whether its route has limits or not", async () => {
    const edge = await startEdge({ variables });
    for (const [tier, expected] of [
      ["pro", "pro"],
      ["gold", "free"],
      ["_login", "free"],
      ["a\nb", "free"],
    ]) {
      const headers = await bearer({ sub: crypto.randomUUID(), tier });
      for (const path of ["/identify", "/free/x"]) {
        expect((await edge.request(path, { headers })).status).toBe(200);
        expect(edge.forwarded.at(-1)?.headers.get("X-User-Tier"), `${tier} ${path}`).toBe(expected);
      }
    }
  });
});

describe("headers of one hop", () => {
  const HOP = {
    Connection: "keep-alive, X-Private, bad name",
    "X-Private": "1",
    "Keep-Alive": "timeout=5",
    "Proxy-Authenticate": "Basic",
    "Proxy-Authorization": "Basic eDp5",
    "Proxy-Connection": "keep-alive",
    TE: "trailers",
    Trailer: "Expires",
    Upgrade: "h2c",
  };
  const names = Object.keys(HOP);

  it("are removed from the request, including those that Connection names", async () => {
    const edge = await startEdge();
    const headers = await seenByUpstream(edge, { ...HOP, "CF-Connecting-IP": "192.0.2.4" });
    expect(names.filter((name) => headers.has(name))).toEqual([]);
  });

  it("are removed from the response", async () => {
    const edge = await startEdge({ upstream: answering(HOP) });
    const { headers } = await edge.request("/identify", { headers: newAddress() });
    expect(names.filter((name) => headers.has(name))).toEqual([]);
  });

  it("never include the gateway's identity headers, even if Connection names them", async () => {
    const edge = await startEdge();
    const { key, user } = await customer(edge);
    const connection = "X-API-Key, X-User-Id, X-User-Tier, X-Request-Id, CF-Connecting-IP, X-Forwarded-For";
    const headers = await seenByUpstream(edge, {
      "X-API-Key": key,
      "CF-Connecting-IP": "192.0.2.5",
      Connection: connection,
    });
    expect(headers.get("X-User-Id")).toBe(user);
    expect(headers.get("X-User-Tier")).toBe("free");
    expect(headers.get("X-Request-Id")).not.toBeNull();
    expect(headers.get("CF-Connecting-IP")).toBe("192.0.2.5");
    expect(headers.get("X-Forwarded-For")).toBe("192.0.2.5");
  });
});

describe("the client receives", () => {
  it("its limits from the gateway alone", async () => {
    const edge = await startEdge({
      upstream: answering({
        RateLimit: '"upstream";r=0;t=1',
        "RateLimit-Policy": '"upstream";q=1;w=1',
        "X-RateLimit-Limit": "1",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1",
        "X-Request-Id": "upstream's",
      }),
    });
    const limited = await edge.request("/identify", { headers: newAddress() });
    expect(limited.headers.get("RateLimit")).toMatch(/^"minute";r=2;t=\d+$/);
    expect(limited.headers.get("X-RateLimit-Limit")).toBe("3");
    expect(limited.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("every cookie, redirects unfollowed, and any status of the upstream", async () => {
    const edge = await startEdge({
      upstream: () =>
        new Response(null, {
          status: 302,
          headers: [
            ["Location", "https://elsewhere.example/"],
            ["Set-Cookie", "a=1; Path=/"],
            ["Set-Cookie", "b=2"],
          ],
        }),
    });
    const response = await edge.request("/identify", { headers: newAddress() });
    expect(response.status).toBe(302);
    // A real fetch would follow it otherwise.
    expect(edge.forwarded[0]?.redirect).toBe("manual");
    expect(response.headers.get("Location")).toBe("https://elsewhere.example/");
    expect(response.headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2"]);
    for (const status of [204, 304, 418, 500, 503]) {
      const odd = await startEdge({ upstream: () => new Response(null, { status }) });
      expect((await odd.request("/identify", { headers: newAddress() })).status).toBe(status);
    }
  });
});

it("each key gives the tier of its own account", async () => {
  const edge = await startEdge();
  const first = await customer(edge);
  const second = await issueKey(edge, await createAccount(edge, { tier: "pro" }));
  expect((await seenByUpstream(edge, first.headers)).get("X-User-Tier")).toBe("free");
  expect((await seenByUpstream(edge, { "X-API-Key": second.key })).get("X-User-Tier")).toBe("pro");
});

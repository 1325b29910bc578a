/**
 * Changes of requests and responses by their route: whatever a policy and a client write, no header that only the gateway may set is
 * touched, no value ends a line, and no path leaves the upstream's base.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalPath } from "../../src/gateway/canonical-path.ts";
import {
  changeHeaders,
  dropNames,
  dropSpellings,
  headerChanges,
} from "../../src/gateway/transform/header-changes.ts";
import { changeQuery, queryChanges } from "../../src/gateway/transform/query-changes.ts";
import { pathWith, routeParams } from "../../src/gateway/transform/route-params.ts";
import { parseBy } from "../../src/policy/fault.ts";
import { forbiddenHeader } from "../../src/policy/forbidden-headers.ts";
import { PathPatterns } from "../../src/policy/path-patterns.ts";
import {
  fillTemplate,
  hasStrayDollar,
  parseTemplate,
  secretBindingOf,
  secretOf,
} from "../../src/policy/template.ts";
import { type Changes, requestTransform, responseTransform } from "../../src/policy/transform-schema.ts";

/** `TRANSFORM_RUNS=100000 npm run test:core -- transform` is the long run. */
const RUNS = { numRuns: Number(process.env["TRANSFORM_RUNS"] ?? 300) };

/** What only the gateway may set, in spellings that servers fold into the same name. */
const GUARDED = `X-User-Id x_user_tier x.request.id Edge-Limiter-Hops X-Forwarded-For X_Forwarded_Host
Forwarded x-real-ip Remote_User Proxy proxy-authorization CF-Connecting-IP
Cf-Ray cf_access_jwt_assertion Connection Transfer-Encoding Upgrade TE
keep-alive Host Content-Length content_length Content-Encoding X-HTTP-Method-Override
x_original_url RateLimit RateLimit-Policy X-RateLimit-Limit x_ratelimit_reset X-Quota-Overage
Sec-WebSocket-Key Sec-WebSocket-Accept Expect`.split(/\s+/);
const FREE = [
  "Authorization",
  "X-Plan",
  "x_plan",
  "X-Sig",
  "Signature",
  "Accept",
  "Server",
  "X-Debug",
  "Cookie",
];
const VARIABLES = [
  "user",
  "tier",
  "key",
  "requestId",
  "country",
  "param.id",
  "secret.A",
  "secret.ADMIN_TOKEN",
  "x",
  "",
];

const name = fc.oneof(fc.constantFrom(...GUARDED), fc.constantFrom(...FREE, "Set-Cookie"));
const variable = fc.constantFrom(...VARIABLES).map((text) => `\${${text}}`);
const value = fc
  .array(fc.oneof(variable, fc.constantFrom("$", "$$", "${", "}", "$${user}"), fc.string({ maxLength: 8 })), {
    maxLength: 5,
  })
  .map((parts) => parts.join("").replaceAll(/[^ -~]/g, "~"));
const changes: fc.Arbitrary<Changes> = fc.record(
  {
    remove: fc.array(name, { maxLength: 5 }),
    rename: fc.dictionary(name, name, { maxKeys: 5 }),
    set: fc.dictionary(name, value, { maxKeys: 5 }),
    add: fc.dictionary(name, value, { maxKeys: 5 }),
  },
  { requiredKeys: [] },
);
/** What a header's value may be at all, which is more than a variable should ever hold. */
const anyText = fc.string({ unit: "binary", maxLength: 12 });
const valuesOf = fc.dictionary(fc.constantFrom(...VARIABLES), fc.option(anyText));
const headersOf = fc.dictionary(name, fc.stringMatching(/^[!-~]{0,8}$/), { maxKeys: 12 });

const isGuarded = (header: string): boolean =>
  forbiddenHeader(header, "set") !== null && header !== "set-cookie";

describe("headers", () => {
  it.each(GUARDED)(
    "that only the gateway may set can be neither removed, renamed, set nor added: %s",
    (header) => {
      for (const operation of ["remove", "rename", "set", "add"] as const) {
        expect(forbiddenHeader(header, operation)).not.toBeNull();
        expect(forbiddenHeader(header.toUpperCase(), operation)).not.toBeNull();
      }
    },
  );

  it("that only the gateway may set stay as they are, whatever a stored policy says", () => {
    fc.assert(
      fc.property(changes, headersOf, valuesOf, fc.boolean(), (document, sent, values, isRequest) => {
        const headers = new Headers(sent);
        const guarded = [...headers].filter(([header]) => isGuarded(header));
        const cookies = headers.getSetCookie();
        const drop = isRequest ? dropSpellings : dropNames;
        changeHeaders(headers, headerChanges(document), (variableName) => values[variableName] ?? null, drop);
        expect([...headers].filter(([header]) => isGuarded(header))).toEqual(guarded);
        expect(cookies.toString()).toContain(headers.getSetCookie().toString());
        for (const [header, text] of headers) expect(text, header).toMatch(/^[ -~]*$/);
      }),
      RUNS,
    );
  });

  it("that are set have the value of the policy alone, in every spelling", () => {
    fc.assert(
      fc.property(
        headersOf,
        fc.constantFrom("X-Plan", "x_plan", "X.PLAN"),
        fc.option(fc.stringMatching(/^[!-~]{1,8}$/)),
        (sent, set, user) => {
          const headers = new Headers(sent);
          changeHeaders(headers, headerChanges({ set: { [set]: "p-${user}" } }), () => user, dropSpellings);
          const found = [...headers].filter(([header]) => header.replaceAll(/[^a-z0-9]/g, "-") === "x-plan");
          expect(found).toEqual(user === null ? [] : [[set.toLowerCase(), `p-${user}`]]);
        },
      ),
      RUNS,
    );
  });

  const changed = (sent: Record<string, string>, document: Changes): Record<string, string> => {
    const headers = new Headers(sent);
    changeHeaders(headers, headerChanges(document), () => null, dropSpellings);
    return Object.fromEntries(headers);
  };

  it("are removed, renamed, set and added in this order", () => {
    const document = {
      remove: ["a", "target"],
      rename: { b: "a", c: "target" },
      set: { s: "1", target: "set" },
      add: { s: "2", a: "added" },
    };
    expect(changed({ a: "removed", b: "renamed", target: "client's" }, document)).toEqual({
      a: "renamed, added",
      s: "1, 2",
      target: "set",
    });
  });

  it("that are renamed in a circle swap their values, in any order of the entries", () => {
    const sent = { a: "1", b: "2", c: "3" };
    const swapped = { a: "3", b: "1", c: "2" };
    expect(changed(sent, { rename: { a: "b", b: "c", c: "a" } })).toEqual(swapped);
    expect(changed(sent, { rename: { c: "a", b: "c", a: "b" } })).toEqual(swapped);
    expect(changed({ b: "2" }, { rename: { a: "b" } })).toEqual({ b: "2" });
  });
});

describe("a value", () => {
  const filled = (source: string): string | null =>
    fillTemplate(parseTemplate(source), (variableName) => (variableName === "user" ? "ada" : null));

  it.each<[source: string, value: string | null]>([
    ["", ""],
    ["plain", "plain"],
    ["${user}", "ada"],
    ["<${user}>, ${user}", "<ada>, ada"],
    ["$$", "$"],
    ["$${user}", "${user}"],
    ["$$$${user}", "$${user}"],
    ["$$${user}", "$ada"],
    ["${tier}", null],
    ["${user}${tier}", null],
    ["${constructor}", null],
    ["${}", null],
    ["$user ${", "$user ${"],
  ])("%j is %j", (source, expected) => {
    expect(filled(source)).toBe(expected);
  });

  it("says whether a dollar sign begins nothing", () => {
    expect(
      ["$", "a$b", "$$$", "${user", "$ {user}", "${a{b}"].filter((source) => !hasStrayDollar(source)),
    ).toEqual([]);
    expect(["", "$$", "${user}", "$$${user}$$"].filter(hasStrayDollar)).toEqual([]);
  });

  it("of 512 characters is the longest, in printable ASCII", () => {
    const isTaken = (text: string) => parseBy(responseTransform, { headers: { set: { a: text } } }).ok;
    expect([isTaken("x".repeat(512)), isTaken("x".repeat(513))]).toEqual([true, false]);
    for (const bad of ["a\nb", "a\r\nx: y", "a\u0000", "\u00e9", "\u007f", "\t"])
      expect(isTaken(bad)).toBe(false);
  });

  it("is one of at most 32 in a list", () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `h${i}`);
    const values = (count: number) => Object.fromEntries(names(count).map((header) => [header, "v"]));
    for (const [count, isTaken] of [
      [32, true],
      [33, false],
    ] as const) {
      const lists = [
        { remove: names(count) },
        { rename: values(count) },
        { set: values(count) },
        { add: values(count) },
      ];
      for (const list of lists) {
        expect(parseBy(requestTransform, { headers: list }).ok).toBe(isTaken);
        expect(parseBy(requestTransform, { query: list }).ok).toBe(isTaken);
      }
    }
  });
});

describe("a secret", () => {
  it("comes from bindings with its prefix alone", () => {
    expect(secretBindingOf("secret.API_2")).toBe("UPSTREAM_SECRET_API_2");
    for (const odd of [
      "secret.",
      "secret.a",
      "secret.A-B",
      "secret.A.B",
      "secret.__proto__",
      "secrets.A",
      "Secret.A",
      "user",
    ]) {
      expect(secretBindingOf(odd)).toBeNull();
    }
  });

  it("is text that a header can hold, without the line break that tools add", () => {
    const bindings = { A: "Bearer x\n", B: "", C: " \n", D: "a\nb", E: { get: "x" }, F: "caf\u00e9" };
    expect(secretOf(bindings, "A")).toBe("Bearer x");
    for (const binding of ["B", "C", "D", "E", "F", "G", "constructor"])
      expect(secretOf(bindings, binding)).toBeNull();
  });
});

describe("a path", () => {
  const literal = fc.stringMatching(/^[A-Za-z0-9._~!$&'()+,;=@-]{1,4}$/);
  const segment = fc.oneof(literal, fc.constantFrom(":a", ":b", "..", "."));
  const pattern = fc
    .tuple(fc.array(segment, { maxLength: 4 }), fc.constantFrom("", "/", "/*"))
    .map(([segments, end]) => segments.map((text) => `/${text}`).join("") + end || "/");
  const sent = fc
    .array(
      fc.oneof(
        literal,
        fc.constantFrom("..", ".", "%2e%2e", "%2F", "..;", "%00", "%C3%A9", "%252e", "a%20", "\\", "//x"),
      ),
      {
        maxLength: 6,
      },
    )
    .map((segments) => `/${segments.join("/")}`);

  it("stays within the upstream's base and in canonical form, whatever the route and the client write", () => {
    let written = 0;
    fc.assert(
      fc.property(pattern, pattern, sent, (match, template, text) => {
        const path = canonicalPath(text);
        if (path === null) return;
        const params = routeParams(match, path);
        if (params === null) return;
        const target = pathWith(template, params);
        if (target === null) return;
        written += 1;
        expect(canonicalPath(target)).toBe(target);
        const url = new URL(`https://upstream.example/base${target}`);
        expect([url.host, url.pathname]).toEqual(["upstream.example", `/base${target}`]);
      }),
      { numRuns: RUNS.numRuns * 5 },
    );
    expect(written).toBeGreaterThan(RUNS.numRuns / 10);
  });

  it("has parameters if and only if its pattern matches it, or it is another spelling of a path that does", () => {
    const plain = fc
      .array(fc.constantFrom("a", "b", "c"), { maxLength: 4 })
      .map((parts) => `/${parts.join("/")}`);
    const simple = fc
      .tuple(fc.array(fc.constantFrom("a", "b", ":p", ":q"), { maxLength: 3 }), fc.constantFrom("", "/*"))
      .map(([parts, end]) => parts.map((part) => `/${part}`).join("") + end || "/");
    fc.assert(
      fc.property(simple, plain, (match, path) => {
        const patterns = new PathPatterns(1);
        patterns.add(0, match);
        expect(routeParams(match, path) !== null, `${match} ${path}`).toBe(patterns.matching(path)[0] === 1);
      }),
      RUNS,
    );
  });

  it.each<[match: string, template: string, path: string, target: string | null]>([
    ["/v1/users/:id/*", "/internal/:id/*", "/v1/users/7/posts/1", "/internal/7/posts/1"],
    ["/v1/users/:id/*", "/internal/:id/*", "/v1/users/7", "/internal/7"],
    ["/v1/users/:id/*", "/internal/:id/*", "/v1/users/7/", "/internal/7/"],
    ["/v1/*", "/*", "/v1/a/b", "/a/b"],
    ["/v1/*", "/*", "/v1", "/"],
    ["/*", "/base/*", "/", "/base/"],
    ["/:a/:b", "/:b/:a/x", "/1/2", "/2/1/x"],
    ["/:a", "/fixed", "/1", "/fixed"],
    ["/users/:id", "/u/:id", "/users/a%2Bb%20c", "/u/a%2Bb%20c"],
    ["/users/:id", "/u/:id", "/users/%C3%A9", "/u/%C3%A9"],
    // Other spellings, in which the parameters stand at the same places.
    ["/users/:id/posts", "/p/:id", "/Users/Ada/POSTS/", "/p/Ada"],
    ["/users/@me/:id", "/p/:id", "/users/%40me/3", "/p/3"],
    ["/users/:id/posts", "/p/:id", "/users;v=1/3/posts", "/p/3"],
    // And in which they do not.
    ["/users/:id/posts", "/p/:id", "/;x/users/3/posts", null],
    ["/users/:id/posts", "/p/:id", "/users/3", null],
    ["/:a", "/x/../:a", "/1", null],
    ["/:a", "/:b", "/1", null],
  ])("of %s as %s: %s becomes %s", (match, template, path, target) => {
    const params = routeParams(match, path);
    expect(params && pathWith(template, params)).toBe(target);
  });
});

describe("a query", () => {
  const changed = (search: string, document: Changes, values: Record<string, string> = {}): string =>
    changeQuery(search, queryChanges(document), (variableName) => values[variableName] ?? null);

  it.each<[search: string, document: Changes, expected: string]>([
    ["", {}, ""],
    ["?", {}, ""],
    ["?a=1&b=%20+%C3%a9&c&=d&e==", {}, "?a=1&b=%20+%C3%a9&c&=d&e=="],
    ["?email=a@b.example&x=1,2;3", { remove: ["y"] }, "?email=a@b.example&x=1,2;3"],
    ["?token=1&t%6Fken=2&token&Token=3&a=4", { remove: ["token"] }, "?Token=3&a=4"],
    ["?a+b=1&a%20b=2&c=3", { remove: ["a b"] }, "?c=3"],
    ["?a=1", { remove: ["a"] }, ""],
    ["?q=1%2B1&page=2", { rename: { q: "query" } }, "?query=1%2B1&page=2"],
    ["?q=1&query=evil", { rename: { q: "query" } }, "?query=1"],
    ["?query=kept", { rename: { q: "query" } }, "?query=kept"],
    ["?a=1&b=2", { rename: { a: "b", b: "a" } }, "?b=1&a=2"],
    ["?account=evil&a%63count=evil&x=1", { set: { account: "ada" } }, "?x=1&account=ada"],
    ["?account=evil", { set: { account: "${user}" } }, ""],
    ["?x=1", { add: { x: "2", "y z": "& = #" } }, "?x=1&x=2&y%20z=%26%20%3D%20%23"],
  ])("%j changed by %j is %j", (search, document, expected) => {
    expect(changed(search, document)).toBe(expected);
  });

  it("has the values of variables encoded once: a parameter of the path is encoded already", () => {
    const document = { set: { user: "${user}", id: "${param.id}", both: "${user}/${param.id}" } };
    const values = { user: "a&b=c#d+é%", "param.id": "a%20b&c=%26+;'" };
    const search = changed("?id=9", document, values);
    expect(search).toMatch(/^\?[!-~]*$/);
    expect(Object.fromEntries(new URLSearchParams(search))).toEqual({
      user: values.user,
      id: "a b&c=&+;'",
      both: `${values.user}/a b&c=&+;'`,
    });
  });

  it("keeps all that is not named, in order and byte for byte, and has what is set once", () => {
    const piece = fc.stringMatching(/^[a-c%=+;,.@[\]!-]{1,6}$/);
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.stringMatching(/^[!-~]{0,8}$/), (pieces, user) => {
        const search = pieces.length > 0 ? `?${pieces.join("&")}` : "";
        const result = changed(search, { remove: ["a"], set: { b: "${user}" } }, { user });
        const named = (text: string) =>
          new URLSearchParams(text.replaceAll("&", "%26")).keys().next().value ?? "";
        const kept = pieces.filter((text) => !["a", "b"].includes(named(text)));
        expect(result).toBe(`?${[...kept, `b=${encodeURIComponent(user)}`].join("&")}`);
        expect(new URLSearchParams(result).getAll("b")).toEqual([user]);
      }),
      RUNS,
    );
  });
});

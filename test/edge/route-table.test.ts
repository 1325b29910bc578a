/** Which route a request takes. Never through the gateway: test/edge/proxy-path.test.ts shows what spelling does there. */
import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { RouteDocument } from "../../src/policy/schema.ts";
import { policyWith } from "../fixtures/edge-policy.ts";

const ROUTES: RouteDocument[] = [
  { match: "/" },
  { match: "/users/me" },
  { match: "/users/:id", methods: ["GET", "DELETE"] },
  { match: "/users/:id", methods: ["PATCH"], cost: 2 },
  { match: "/users/:id/keys/:key" },
  { match: "/files/*", methods: ["GET", "POST"] },
  { match: "/files/:name", methods: ["PUT"] },
  { match: "/head", methods: ["HEAD"], cost: 0 },
  { match: "/head", methods: ["GET"] },
  { match: "/a.b~c/$x" },
];

/** What takes a request: the route's id, the methods that a path has instead, or nothing. */
function taken(method: string, path: string): string {
  const compiled = compilePolicy(policyWith({ routes: ROUTES }), 1);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  const match = compiled.value.routes.match(method, path);
  if (match.kind === "route") return match.route.id;
  return match.kind === "none" ? "404" : `405 ${match.allow.join(" ")}`;
}

describe("a request takes the first route that matches it", () => {
  it.each([
    ["GET", "/", "/"],
    ["POST", "/users/me", "/users/me"],
    ["GET", "/users/you", "GET,DELETE /users/:id"],
    ["DELETE", "/users/me", "/users/me"],
    ["PATCH", "/users/you", "PATCH /users/:id"],
    ["GET", "/users/%41%2e", "GET,DELETE /users/:id"],
    ["PROPFIND", "/users/1/keys/2", "/users/:id/keys/:key"],
    ["GET", "/a.b~c/$x", "/a.b~c/$x"],
  ])("%s %s: %s", (method, path, route) => {
    expect(taken(method, path)).toBe(route);
  });

  it.each([
    ["GET", "/files", "GET,POST /files/*"],
    ["GET", "/files/", "GET,POST /files/*"],
    ["POST", "/files/a/b/c.txt", "GET,POST /files/*"],
    ["PUT", "/files/a", "PUT /files/:name"],
    ["GET", "/filesystem", "404"],
  ])("a final star stands for the path itself and all below it: %s %s: %s", (method, path, route) => {
    expect(taken(method, path)).toBe(route);
  });

  it.each([
    ["GET", "/users", "404"],
    ["GET", "/users/1/keys", "404"],
    ["GET", "/users/me/too", "404"],
    ["GET", "/Users/me", "404"],
    ["GET", "/a.b~c/x", "404"],
    ["GET", "/aXb~c/$x", "404"],
    ["GET", "/constructor", "404"],
    ["GET", "/__proto__", "404"],
  ])("a parameter is one segment, a literal is itself: %s %s: %s", (method, path, route) => {
    expect(taken(method, path)).toBe(route);
  });

  it.each([
    ["HEAD", "/users/you", "GET,DELETE /users/:id"],
    ["HEAD", "/head", "HEAD /head"],
    ["HEAD", "/files/a", "GET,POST /files/*"],
  ])("HEAD takes a route for GET, unless it has its own: %s %s: %s", (method, path, route) => {
    expect(taken(method, path)).toBe(route);
  });

  it.each([
    ["PUT", "/users/you", "405 DELETE GET HEAD PATCH"],
    ["DELETE", "/files/a", "405 GET HEAD POST PUT"],
    ["DELETE", "/files/a/b", "405 GET HEAD POST"],
    ["OPTIONS", "/head", "405 GET HEAD"],
  ])(
    "where only the method is wrong, it is told the methods that would do: %s %s: %s",
    (method, path, route) => {
      expect(taken(method, path)).toBe(route);
    },
  );
});

describe("a caller of the decision API names a route", () => {
  const compiled = compilePolicy(policyWith({ routes: ROUTES }), 1);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  const { routes } = compiled.value;

  it.each([
    ["/users/me", "/users/me"],
    ["PATCH /users/:id", "PATCH /users/:id"],
    ["/files/:name", "PUT /files/:name"],
    ["/files/*", "GET,POST /files/*"],
    ["/users/:id", undefined],
    ["/users/1", undefined],
    ["", undefined],
  ])("by its id, or by its match where only one route has it: %s", (name, id) => {
    expect(routes.byName(name)?.id).toBe(id);
  });
});

/**
 * The router: registers the table of endpoints and answers all other requests. Must never reveal an exception's text or
 * repeat a credential: no response here is built from request headers.
 */
import { Hono } from "hono";
import { ENDPOINTS } from "./endpoints.ts";
import { json } from "./json.ts";
import { duringOutage } from "./outage.ts";
import { problem } from "./problem.ts";

export const app = new Hono();

app.use(duringOutage);

app.get("/", () =>
  json({
    service: "edge-limiter-origin",
    endpoints: ENDPOINTS.flatMap(({ methods, path, about }) =>
      methods.map((method) => ({ method, path, about })),
    ),
  }),
);

for (const { methods, path, handle } of ENDPOINTS) app.on([...methods], path, handle);

for (const [path, allow] of allowedMethods()) {
  app.all(path, (c) => problem(c.req.raw, { kind: "method-not-allowed", allow }));
}

app.notFound((c) => problem(c.req.raw, { kind: "not-found" }));

app.onError((error, c) => {
  console.error(error);
  return problem(c.req.raw, { kind: "bug" });
});

/**
 * The methods of each path for the Allow field. Includes HEAD, which Hono answers wherever it answers GET.
 */
function allowedMethods(): ReadonlyMap<string, readonly string[]> {
  const byPath = new Map<string, string[]>([["/", ["GET", "HEAD"]]]);
  for (const { methods, path } of ENDPOINTS) {
    const withHead = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    byPath.set(path, [...(byPath.get(path) ?? []), ...withHead]);
  }
  return byPath;
}

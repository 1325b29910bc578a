/** How a policy or the variable UPSTREAM names an upstream: by its base URL, as a service of this Worker, or, on a route, as a pool. */
import * as z from "zod/mini";

const SINGLE = String.raw`https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?|service:[A-Z][A-Z0-9_]*`;

const named = (pattern: string, message: string) =>
  z.string().check(z.maxLength(2_048), z.regex(new RegExp(`^(${pattern})$`), message));

/** An upstream as the UPSTREAM variable or a pool names it. */
export const upstreamSchema = named(SINGLE, "must be an http(s) URL without a query, or service:BINDING");

/** An upstream as a route names it. */
export const routeUpstreamSchema = named(
  `${SINGLE}|pool:[a-z][a-z0-9_-]{0,31}`,
  "must be an http(s) URL without a query, service:BINDING, or pool:NAME",
);

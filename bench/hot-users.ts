/**
 * `npm run bench:hot-users`: simulates one user with 100,000 requests a second, and prints the calls a second that the user's object
 * receives, by the number of isolates and by how far the user is above or below the limit. docs/hot-users.md explains the table.
 */
import { registerHooks } from "node:module";

// The object's class needs a module that only Workers have.
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "cloudflare:workers"
      ? next(new URL("../test/history/cloudflare-workers.ts", import.meta.url).href, context)
      : next(specifier, context),
  // Bundlers need no attribute for a JSON module.
  load: (url, context, next) =>
    next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context),
});

// A URL, since these files have the types of Workers and of Node.
await import(new URL("hot-users/table.ts", import.meta.url).href);

/**
 * `npm run test:cache`: the tests for HTTP caches of cache-tests.fyi against the started product. Fails if a required test fails that is not in
 * cache-suite/known-failures.json, or if one that is there passes: then it must be taken from the list. Skipped, with the reason, if the
 * suite cannot be downloaded.
 *
 * The suite's requests carry their number to its origin in a header. A cached route forwards no header that is not in the key, and in the key
 * the number would make each request another page. So the number takes another way here: from the suite's client to its origin, which are
 * both in this process. Everything else goes through the product.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLocalProduct } from "./local-product.ts";
import { loadSuite, type Suite } from "./cache-suite/suite.ts";

const ADMIN_TOKEN = "admin-token-of-the-cache-tests";
/** The required tests that fail, with the reasons; those of the older edition besides them. */
const KNOWN = ["known-failures.json", "known-failures-of-package.json"].map((name) =>
  join(import.meta.dirname, "cache-suite", name),
);
/** Of the required tests. */
const MIN_PASSED = 120;

/** Statuses that the suite expects to be stored if they say for how long. */
const STATUSES = [
  200, 201, 202, 203, 204, 299, 301, 302, 303, 307, 308, 400, 403, 404, 410, 414, 499, 500, 501, 502, 503,
  504, 599,
];
/** Request headers that the suite's responses vary by. */
const HEADERS = ["Foo", "Bar", "Baz", "Abc", "Accept-Language"];

const POLICY = {
  schema: 1,
  anonymousTier: "any",
  defaultTier: "any",
  tiers: { any: { limits: [] } },
  routes: [
    {
      match: "/test/*",
      auth: "none",
      cache: {
        ttlSeconds: 2_592_000,
        defaultTtlSeconds: 0,
        staleIfErrorSeconds: 60,
        share: "all",
        vary: { headers: HEADERS },
        statuses: STATUSES,
      },
    },
    { match: "/*", auth: "none" },
  ],
};

/** The number of each test's last request, by the test's id in its path. */
const numbers = new Map<string, string>();

/**
 * Takes a note of each request's number on its way out. Asks for bodies as they are: for clients that accept it, the local runtime compresses
 * text behind the product, as Cloudflare does.
 */
function watchRequests(): void {
  const send = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    const number = headers.get("Req-Num");
    if (number !== null) numbers.set(testOf(new URL(String(input)).pathname), number);
    if (!headers.has("Accept-Encoding")) headers.set("Accept-Encoding", "identity");
    return send(input, { ...init, headers });
  };
}

/** /test/<id>/… */
function testOf(path: string): string {
  return path.split("/")[2] ?? "";
}

/** The suite's origin, on 127.0.0.1 only. */
async function startOrigin({ handlers }: Suite): Promise<{ server: Server; url: string }> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const [, kind = "", ...segments] = new URL(request.url ?? "/", "http://origin").pathname.split("/");
    const number = numbers.get(segments[0] ?? "");
    if (number !== undefined) request.headers["req-num"] ??= number;
    const handle = handlers[kind];
    if (handle) handle(segments, request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the origin has no port");
  return { server, url: `http://127.0.0.1:${address.port}` };
}

async function putPolicy(base: URL): Promise<void> {
  const response = await fetch(new URL("/api/v1/admin/policy", base), {
    method: "PUT",
    headers: {
      Authorization: `Bearer ${ADMIN_TOKEN}`,
      "Content-Type": "application/json",
      "If-Match": "*",
    },
    body: JSON.stringify({ document: POLICY }),
  });
  if (!response.ok) throw new Error(`the policy was rejected: ${await response.text()}`);
}

/** The results of all tests by id: what the suite calls them. */
async function resultsOf(suite: Suite): Promise<ReadonlyMap<string, { sign: string; detail: string }>> {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-cache-tests-"));
  const origin = await startOrigin(suite);
  const product = await startLocalProduct({
    port: 0,
    directory,
    variables: { ADMIN_TOKEN, UPSTREAM: origin.url },
  });
  try {
    await putPolicy(product.url);
    watchRequests();
    await suite.runTests(suite.tests, false, product.url.origin);
    const results = suite.getResults();
    return new Map(
      suite.tests
        .flatMap(({ tests }) => tests)
        .filter((test) => test.browser_only !== true && (test.kind ?? "required") === "required")
        .map(({ id }) => {
          const [, , sign = ""] = suite.resultOf(suite.tests, id, results);
          const found = results[id];
          return [id, { sign, detail: Array.isArray(found) ? found.join(": ") : "" }];
        }),
    );
  } finally {
    await product.close();
    origin.server.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function knownFailures({ isPackage }: Suite): Promise<Readonly<Record<string, string>>> {
  const lists = KNOWN.slice(0, isPackage ? 2 : 1).map(async (file) =>
    Object.entries(Object(JSON.parse(await readFile(file, "utf8")))),
  );
  const entries = (await Promise.all(lists)).flat();
  return Object.fromEntries(entries.map(([id, reason]) => [id, String(reason)]));
}

async function main(): Promise<number> {
  const suite = await loadSuite();
  if (typeof suite === "string") {
    console.log(`Skipped: the suite cannot be downloaded (${suite}).`);
    console.log("Name a checkout of https://github.com/http-tests/cache-tests in CACHE_TESTS.");
    return 0;
  }
  console.log(`Running the tests of ${suite.directory}; they take about a minute.`);
  const known = await knownFailures(suite);
  const results = await resultsOf(suite);
  const failed = [...results].filter(([, { sign }]) => sign !== "✅");
  const passed = results.size - failed.length;
  const unexpected = failed.filter(([id]) => !Object.hasOwn(known, id));
  const fixed = Object.keys(known).filter((id) => results.get(id)?.sign === "✅");
  for (const [id, { sign, detail }] of unexpected) console.log(`${sign} ${id}: ${detail}`);
  for (const id of fixed) console.log(`✅ ${id} passes: take it from known-failures.json`);
  console.log(`${passed} of ${results.size} required tests passed, ${failed.length} failed.`);
  return unexpected.length > 0 || fixed.length > 0 || passed < MIN_PASSED ? 1 : 0;
}

// Exits at once, without waiting for connections that the suite keeps open.
process.exit(await main());

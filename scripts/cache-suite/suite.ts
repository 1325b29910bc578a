/**
 * Gets the tests for HTTP caches of https://github.com/http-tests/cache-tests: a checkout that the variable CACHE_TESTS names, or the pinned
 * commit from GitHub, or else the older npm package. They are not a dependency: the package brings npm itself.
 */
import { execFile } from "node:child_process";
import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..", "..");
/** Below the repository, so that the tests find undici, which they import. */
const KEPT = join(ROOT, "dist", "cache-tests");
const COMMIT = "b55b8bd";
const TARBALL = `https://codeload.github.com/http-tests/cache-tests/tar.gz/${COMMIT}`;
const PACKAGE = "http-cache-tests@0.4.5";
const DOWNLOAD_MS = 60_000;

/** A test of the suite, as far as it is used here. */
export interface CacheTest {
  readonly id: string;
  /** required (the default), optimal or check. */
  readonly kind?: string;
  readonly browser_only?: boolean;
}

type Tests = readonly { readonly tests: readonly CacheTest[] }[];
/** Handles a request of the suite's server. @param segments of the path, without the first. */
type Handle = (segments: string[], request: object, response: object) => void;
type RunTests = (tests: Tests, isBrowser: boolean, base: string) => Promise<void>;
type RunPackageTests = (tests: Tests, send: typeof fetch, isBrowser: boolean, base: string) => Promise<void>;
type Results = Readonly<Record<string, unknown>>;
/** Returns a symbol, its colour and a sign. */
type ResultOf = (tests: Tests, id: string, results: Results) => readonly string[];

export interface Suite {
  readonly directory: string;
  /** The older edition, in which some tests are others. */
  readonly isPackage: boolean;
  readonly tests: Tests;
  readonly runTests: RunTests;
  readonly getResults: () => Results;
  readonly resultOf: ResultOf;
  readonly handlers: Readonly<Record<string, Handle>>;
}

/** The suite; or why it cannot be had. */
export async function loadSuite(): Promise<Suite | string> {
  const found = await directoryOf();
  if (found.directory === null) return found.reason;
  const part = async (path: string, name: string): Promise<unknown> => {
    const module: unknown = await import(pathToFileURL(join(found.directory, path)).href);
    return Reflect.get(Object(module), name);
  };
  const isPackage = !(await exists(join(found.directory, "test-engine")));
  const engine = isPackage ? "" : "test-engine/";
  const handler = async (name: string): Promise<Handle> =>
    checked(isFunction<Handle>, await part(`${engine}server/handle-${name}.mjs`, "default"), name);
  const runner = `${engine}client/runner.mjs`;
  const runAll = await part(runner, "runTests");
  const tests = await part("tests/index.mjs", "default");
  return {
    directory: found.directory,
    isPackage,
    tests: checked(isTests, tests, "tests"),
    runTests: isPackage
      ? (...[given, isBrowser, base]) =>
          checked(isFunction<RunPackageTests>, runAll, "runTests")(
            given,
            (...request) => globalThis.fetch(...request),
            isBrowser,
            base,
          )
      : checked(isFunction<RunTests>, runAll, "runTests"),
    getResults: checked(isFunction<() => Results>, await part(runner, "getResults"), "getResults"),
    resultOf: checked(
      isFunction<ResultOf>,
      await part(`${engine}lib/${isPackage ? "display" : "results"}.mjs`, "determineTestResult"),
      "determineTestResult",
    ),
    handlers: {
      config: await handler("config"),
      state: await handler("state"),
      test: await handler("test"),
    },
  };
}

function checked<T>(is: (value: unknown) => value is T, value: unknown, name: string): T {
  if (is(value)) return value;
  throw new Error(`the suite has no ${name}: it is of another version than ${COMMIT} and ${PACKAGE}`);
}

function isFunction<T>(value: unknown): value is T {
  return typeof value === "function";
}

function isTests(value: unknown): value is Tests {
  return (
    Array.isArray(value) && value.every((set: unknown) => Array.isArray(Reflect.get(Object(set), "tests")))
  );
}

type Place = { readonly directory: string } | { readonly directory: null; readonly reason: string };

async function directoryOf(): Promise<Place> {
  const named = process.env["CACHE_TESTS"];
  if (named) return { directory: resolve(named) };
  const kept = join(KEPT, COMMIT);
  if (await exists(join(kept, "tests"))) return { directory: kept };
  const reasons: string[] = [];
  for (const [source, get] of [
    [TARBALL, fromGitHub],
    [PACKAGE, fromNpm],
  ] as const) {
    const unfinished = join(KEPT, `unfinished-${process.pid}`);
    try {
      await mkdir(unfinished, { recursive: true });
      await run("tar", ["-xzf", await get(unfinished), "-C", unfinished, "--strip-components=1"]);
      await rm(kept, { recursive: true, force: true });
      await rename(unfinished, kept);
      return { directory: kept };
    } catch (thrown) {
      await rm(unfinished, { recursive: true, force: true });
      reasons.push(`${source}: ${thrown instanceof Error ? thrown.message.split("\n", 1)[0] : thrown}`);
    }
  }
  return { directory: null, reason: reasons.join("; ") };
}

async function fromGitHub(directory: string): Promise<string> {
  const response = await fetch(TARBALL, { signal: AbortSignal.timeout(DOWNLOAD_MS) });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const file = join(directory, "suite.tar.gz");
  await writeFile(file, new Uint8Array(await response.arrayBuffer()));
  return file;
}

async function fromNpm(directory: string): Promise<string> {
  const { stdout } = await run("npm", ["pack", PACKAGE, "--silent"], {
    cwd: directory,
    timeout: DOWNLOAD_MS,
  });
  return join(directory, stdout.trim());
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

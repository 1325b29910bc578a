/** Finds k6, which is not an npm package: on the PATH, or where `go install` puts it. */
import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
/** The first major version that runs TypeScript without a flag. */
const MIN_MAJOR = 1;

/** Version 2 cannot be installed from its module path, `go.k6.io/k6/v2`. */
export const INSTALL_COMMAND = "go install go.k6.io/k6@v1.8.1";
export const HOW_TO_INSTALL = `k6 is not installed. Install it with Go:
  ${INSTALL_COMMAND}
or with a package: https://grafana.com/docs/k6/latest/set-up/install-k6/
k6 is searched for on the PATH and in Go's bin directory; K6_BIN=<path> overrides this.`;

export interface K6 {
  readonly path: string;
  /** `1.8.1` */
  readonly version: string;
}

export interface Places {
  /** The value of K6_BIN. If set, nothing else is searched. */
  readonly k6Bin?: string | undefined;
  readonly home?: string;
}

/** @returns null if k6 is not installed. @throws if it is too old, or if K6_BIN does not name a k6. */
export async function findK6({ k6Bin, home = homedir() }: Places = {}): Promise<K6 | null> {
  const candidates = k6Bin ? [k6Bin] : ["k6", ...(await goBins(home)).map((bin) => join(bin, "k6"))];
  for (const path of candidates) {
    const version = await versionOf(path);
    if (version === null) continue;
    if (Number(version.split(".")[0]) >= MIN_MAJOR) return { path, version };
    throw new Error(
      `${path} is k6 ${version}, which is too old (at least ${MIN_MAJOR}.0).\n${HOW_TO_INSTALL}`,
    );
  }
  if (k6Bin) throw new Error(`K6_BIN is ${k6Bin}, which is not a k6: set it to the path of k6, or unset it.`);
  return null;
}

/** `k6 v1.8.1 (go1.26.8, linux/amd64)`, or `k6 1.8.1 (…)`. */
async function versionOf(path: string): Promise<string | null> {
  const answer = await run(path, ["version"], { timeout: 20_000 }).catch(() => null);
  return /^k6(?:\.exe)? v?(\d+\.\d+\.\d+)/.exec(answer?.stdout ?? "")?.[1] ?? null;
}

async function goBins(home: string): Promise<string[]> {
  const answer = await run("go", ["env", "GOBIN", "GOPATH"], { timeout: 20_000 }).catch(() => null);
  const [bin = "", path = ""] = answer?.stdout.split("\n") ?? [];
  return [bin, path && join(path, "bin"), join(home, "go", "bin")].filter((directory) => directory !== "");
}

/** Finds k6, which no npm package carries: on the PATH, or where `go install` puts it. */
import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
/** The first that runs TypeScript by itself without a flag. */
const LEAST_MAJOR = 1;

export const HOW_TO_INSTALL = `k6 is not installed. With Go:
  go install go.k6.io/k6/v2@latest     (or, where that cannot be had, go install go.k6.io/k6@latest)
Packages for other systems: https://grafana.com/docs/k6/latest/set-up/install-k6/
An installed k6 is found on the PATH, in Go's bin directory, or where K6_BIN says.`;

export interface K6 {
  readonly path: string;
  /** `1.8.1` */
  readonly version: string;
}

export interface Places {
  /** The value of K6_BIN; then nowhere else is looked. */
  readonly k6Bin?: string | undefined;
  readonly home?: string;
}

/** @returns null where there is none. @throws where the one found is too old, or K6_BIN names none. */
export async function findK6({ k6Bin, home = homedir() }: Places = {}): Promise<K6 | null> {
  const candidates = k6Bin ? [k6Bin] : ["k6", ...(await goBins(home)).map((bin) => join(bin, "k6"))];
  for (const path of candidates) {
    const version = await versionOf(path);
    if (version === null) continue;
    if (Number(version.split(".")[0]) >= LEAST_MAJOR) return { path, version };
    throw new Error(`${path} is k6 ${version}, which is too old.\n${HOW_TO_INSTALL}`);
  }
  if (k6Bin) throw new Error(`K6_BIN is ${k6Bin}, which is no k6.`);
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

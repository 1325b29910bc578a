/** `npm run load` before it runs: its arguments, and where it finds k6. */
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { figuresOf } from "../../load/figures.ts";
import { findK6, HOW_TO_INSTALL } from "../../scripts/load/find-k6.ts";
import { readLoadOptions, usage } from "../../scripts/load/load-options.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const SCENARIOS = ["burst", "soak"];
const read = (...args: string[]) => readLoadOptions(args, SCENARIOS);

/** A directory with an executable k6 that answers so. */
async function fakeK6(version: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "fake-k6-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, "k6");
  await writeFile(file, `#!/bin/sh\necho '${version}'\n`);
  await chmod(file, 0o755);
  return file;
}

describe("the arguments of npm run load", () => {
  it("name one scenario; the profile is short, and the product is started, unless said otherwise", () => {
    expect(read("burst")).toEqual({
      kind: "run",
      options: { scenario: "burst", profile: "short", url: null, changePolicy: false, out: null },
    });
    expect(
      read(
        "soak",
        "--profile",
        "full",
        "--url",
        "https://limits.example",
        "--change-policy",
        "--out",
        "here",
      ),
    ).toEqual({
      kind: "run",
      options: {
        scenario: "soak",
        profile: "full",
        url: new URL("https://limits.example"),
        changePolicy: true,
        out: "here",
      },
    });
  });

  it.each([
    [[], "name a scenario"],
    [["none"], "there is no scenario none"],
    [["burst", "soak"], "one scenario at a time, not also soak"],
    [["burst", "--profile", "long"], "--profile is short or full, not long"],
    [["burst", "--url", "limits.example"], "--url is no http or https URL: limits.example"],
    [["burst", "--url", "ftp://limits.example"], "--url is no http or https URL: ftp://limits.example"],
  ])("are refused where they are wrong: %j", (args, message) => {
    expect(read(...args)).toEqual({ kind: "fault", message });
  });

  it("may only ask for help, or for the k6 that would be used", () => {
    expect(read("--help")).toEqual({ kind: "help" });
    expect(read("--find-k6")).toEqual({ kind: "find-k6" });
  });

  it("are refused where they are unknown", () => {
    expect(read("burst", "--fast")).toMatchObject({
      kind: "fault",
      message: expect.stringContaining("--fast"),
    });
  });
});

describe("k6", () => {
  it("is taken from K6_BIN, in the ways that versions 1 and 2 tell their version", async () => {
    const one = await fakeK6("k6 v1.8.1 (go1.26.8, linux/amd64)");
    expect(await findK6({ k6Bin: one })).toEqual({ path: one, version: "1.8.1" });
    const two = await fakeK6("k6 2.3.0 (commit/abc, go1.26.8, linux/amd64)");
    expect(await findK6({ k6Bin: two })).toEqual({ path: two, version: "2.3.0" });
  });

  it("is refused where it cannot run TypeScript, or is no k6", async () => {
    const old = await fakeK6("k6 v0.49.0 (go1.21.6, linux/amd64)");
    await expect(findK6({ k6Bin: old })).rejects.toThrow("too old");
    const other = await fakeK6("other v9.9.9");
    await expect(findK6({ k6Bin: other })).rejects.toThrow("no k6");
  });
});

it("says how to install k6, and exits with 2, where there is none", async () => {
  const empty = await mkdtemp(join(tmpdir(), "no-k6-"));
  onTestFinished(() => rm(empty, { recursive: true }));
  const ended = spawnSync(process.execPath, [join(ROOT, "scripts", "load.ts"), "burst"], {
    encoding: "utf8",
    env: { PATH: empty, HOME: empty },
  });
  expect(ended.status).toBe(2);
  expect(ended.stderr).toContain(HOW_TO_INSTALL);
});

it("has each scenario told of in load/README.md", async () => {
  const files = (await readdir(join(ROOT, "load", "scenarios"))).map((file) => file.replace(/\.ts$/, ""));
  const readme = await readFile(join(ROOT, "load", "README.md"), "utf8");
  const told = [...readme.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  expect(told.toSorted()).toEqual(files.toSorted());
  expect(usage(files)).toContain(files.join(", "));
});

describe("a run's figures", () => {
  it("have their units, and a share of errors is not called what k6 calls it", () => {
    expect(figuresOf({ type: "rate", values: { rate: 0.001, passes: 4, fails: 3_996 } })).toBe("4 of 4000");
    expect(figuresOf({ type: "counter", values: { count: 90, rate: 3.21 } })).toBe("90, 3.2/s");
    expect(figuresOf({ type: "trend", contains: "time", values: { med: 4.56, avg: 5 } })).toBe(
      "avg 5 ms, med 4.6 ms",
    );
  });
});

/** `npm run load` up to the start of k6: its options, where it finds k6, and the thresholds of each scenario. */
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, test } from "vitest";
import { figuresOf } from "../../load/figures.ts";
import { findK6, HOW_TO_INSTALL, INSTALL_COMMAND } from "../../scripts/load/find-k6.ts";
import { readLoadOptions, usage } from "../../scripts/load/load-options.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const SCENARIOS = ["burst", "soak"];
const read = (...args: string[]) => readLoadOptions(args, SCENARIOS);

/** The thresholds of every scenario. */
const COMMON = {
  over_admitted: ["count==0"],
  under_admitted: ["count==0"],
  errors: ["rate<0.001"],
  admitted: ["count>0"],
  answer_duration: ["p(95)<10000"],
};
/** The additional thresholds of each scenario. */
const OWN: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  accuracy: {
    "denied{tier:load-strict}": ["count>0"],
    "denied{tier:load-leased}": ["count>0"],
    decided_by_lease: ["count>0"],
    decided_by_fallback: ["count==0"],
  },
  batch: { denied: ["count>0"], misplaced: ["count==0"] },
  burst: { denied: ["count>0"], decided_by_fallback: ["count==0"] },
  connections: { connections: ["count>=5000", "count<7800"] },
  flood: { decided_by_deny_cache: ["count>1000"], decided_by_fallback: ["count==0"] },
  "hot-user": {
    "answer_duration{tier:pro}": ["max<60000"],
    "answer_duration{tier:enterprise}": ["max<60000"],
    decided_by_fallback: ["count==0"],
    decided_by_lease: ["count>0"],
    unlimited_denied: ["count==0"],
  },
  "many-users": { fresh: ["rate==1"], denied: ["count==0"] },
  "policy-change": { policy_changes: ["count>5"], stale_decisions: ["count==0"], denied: ["count>0"] },
  ramp: {},
  soak: { dropped_iterations: ["count<2000"] },
  sustained: { denied: ["count>0"], decided_by_fallback: ["count==0"] },
  "tier-mix": {},
};

const installed = await findK6({ k6Bin: process.env["K6_BIN"] });
if (!installed)
  process.stderr.write("SKIPPED: the thresholds of the load scenarios, because k6 is not installed\n");

test.skipIf(!installed)("each scenario has the common thresholds and its own", async () => {
  const files = await readdir(join(ROOT, "load", "scenarios"));
  expect(files.map((file) => file.replace(/\.ts$/, "")).toSorted()).toEqual(Object.keys(OWN).toSorted());
  const environment = ["-e", "LOAD_URL=http://127.0.0.1:9", "-e", "ADMIN_TOKEN=none"];
  for (const [scenario, own] of Object.entries(OWN)) {
    const file = join(ROOT, "load", "scenarios", `${scenario}.ts`);
    const { stdout } = spawnSync(installed?.path ?? "", ["inspect", ...environment, file], {
      encoding: "utf8",
    });
    expect(JSON.parse(stdout), scenario).toMatchObject({ thresholds: { ...COMMON, ...own } });
  }
});

/** Makes a fake k6 that prints this version, then runs the shell command `then`. @returns its path. */
async function fakeK6(version: string, then = ""): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "fake-k6-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, "k6");
  await writeFile(file, `#!/bin/sh\necho '${version}'\n${then}\n`);
  await chmod(file, 0o755);
  return file;
}

describe("the options of npm run load", () => {
  it("name one scenario; by default the profile is short and the product is started", () => {
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
    [[], "no scenario given: name one"],
    [["none"], 'unknown scenario "none" (known: burst, soak)'],
    [["burst", "soak"], "one scenario at a time: unexpected soak"],
    [["burst", "--profile", "long"], '--profile must be short or full, not "long"'],
    [["burst", "--url", "limits.example"], '--url must be an http or https URL, not "limits.example"'],
    [
      ["burst", "--url", "ftp://limits.example"],
      '--url must be an http or https URL, not "ftp://limits.example"',
    ],
  ])("are rejected if they are invalid: %j", (args, message) => {
    expect(read(...args)).toEqual({ kind: "fault", message });
  });

  it("may ask only for help, or for the k6 that would be used", () => {
    expect(read("--help")).toEqual({ kind: "help" });
    expect(read("--find-k6")).toEqual({ kind: "find-k6" });
  });

  it("are rejected if they are unknown", () => {
    expect(read("burst", "--fast")).toMatchObject({
      kind: "fault",
      message: expect.stringContaining("--fast"),
    });
  });
});

describe("k6", () => {
  it("is taken from K6_BIN, with the version output of k6 1 and k6 2", async () => {
    const one = await fakeK6("k6 v1.8.1 (go1.26.8, linux/amd64)");
    expect(await findK6({ k6Bin: one })).toEqual({ path: one, version: "1.8.1" });
    const two = await fakeK6("k6 2.3.0 (commit/abc, go1.26.8, linux/amd64)");
    expect(await findK6({ k6Bin: two })).toEqual({ path: two, version: "2.3.0" });
  });

  it("gives the run its exit code, 99 if a threshold fails, and gets secrets only in the environment", async () => {
    const k6 = await fakeK6(
      "k6 v1.8.1 (go1.26.8, linux/amd64)",
      '[ "$1" = version ] || { echo "$@"; exit 99; }',
    );
    const out = join(k6, "..", "reports");
    const args = ["burst", "--url", "http://127.0.0.1:9", "--profile", "full", "--out", out];
    const ended = spawnSync(process.execPath, [join(ROOT, "scripts", "load.ts"), ...args], {
      encoding: "utf8",
      env: { ...process.env, K6_BIN: k6, ADMIN_TOKEN: "secret-of-the-run" },
    });
    expect(ended.status).toBe(99);
    expect(ended.stdout).toContain(join("scenarios", "burst.ts"));
    expect(ended.stdout).not.toContain("secret-of-the-run");
  });

  it("is rejected if it cannot run TypeScript, or is not a k6", async () => {
    const old = await fakeK6("k6 v0.49.0 (go1.21.6, linux/amd64)");
    await expect(findK6({ k6Bin: old })).rejects.toThrow("too old");
    const other = await fakeK6("other v9.9.9");
    await expect(findK6({ k6Bin: other })).rejects.toThrow("not a k6");
  });
});

it("says how to install k6 and exits with 2 if there is none", async () => {
  const empty = await mkdtemp(join(tmpdir(), "no-k6-"));
  onTestFinished(() => rm(empty, { recursive: true }));
  const ended = spawnSync(process.execPath, [join(ROOT, "scripts", "load.ts"), "burst"], {
    encoding: "utf8",
    env: { PATH: empty, HOME: empty },
  });
  expect(ended.status).toBe(2);
  expect(ended.stderr).toContain(HOW_TO_INSTALL);
});

test.each([["load/README.md"], [".ci/run"]])(
  "%s installs k6 with the command that npm run load prints",
  async (file) => {
    const text = await readFile(join(ROOT, file), "utf8");
    expect(text.match(/go install go\.k6\.io[^\s`]*/g)).toEqual([INSTALL_COMMAND]);
  },
);

it("has each scenario documented in load/README.md", async () => {
  const files = (await readdir(join(ROOT, "load", "scenarios"))).map((file) => file.replace(/\.ts$/, ""));
  const readme = await readFile(join(ROOT, "load", "README.md"), "utf8");
  const documented = [...readme.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  expect(documented.toSorted()).toEqual(files.toSorted());
  expect(usage(files)).toContain(files.join(", "));
});

describe("a run's figures", () => {
  it("have units, and a rate of errors is not shown as passed", () => {
    expect(figuresOf({ type: "rate", values: { rate: 0.001, passes: 4, fails: 3_996 } })).toBe("4 of 4000");
    expect(figuresOf({ type: "counter", values: { count: 90, rate: 3.21 } })).toBe("90, 3.2/s");
    expect(figuresOf({ type: "trend", contains: "time", values: { med: 4.56, avg: 5 } })).toBe(
      "avg 5 ms, med 4.6 ms",
    );
  });
});

/** docs/webhooks.md: its verifications accept what the product signs, in Node, Python and Go, and nothing else. Every kind has its row. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signatureOf } from "../../durable-objects/webhook-desk/signature.ts";
import { EVENT_EXAMPLES } from "../../openapi/event-examples.ts";
import { EVENT_KINDS } from "../../src/event-kinds.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..", "..");
const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const OTHER = `whsec_${Buffer.alloc(32, 8).toString("base64")}`;
const BODY = '{"type":"key.created","timestamp":"2026-01-01T00:00:00.000Z","data":{"name":"Zoë 🔑","n":1.0}}';
const ID = "evt_5d41402abc4b2a76b9719d911017c592";

let directory = "";
let document = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "edge-limiter-webhooks-"));
  document = await readFile(join(ROOT, "docs", "webhooks.md"), "utf8");
});
afterAll(() => rm(directory, { recursive: true }));

const has = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;
const HAS_PYTHON = has("python3", "--version");
const HAS_GO = has("go", "version");
if (!HAS_PYTHON) process.stderr.write("SKIPPED: verifying webhooks in Python, which is not installed\n");
if (!HAS_GO) process.stderr.write("SKIPPED: verifying webhooks in Go, which is not installed\n");

/** The block of this language in the section on verification. */
function snippet(language: string): string {
  const [, section = ""] = document.split("## Verifying in five lines");
  const [, code = ""] = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(section) ?? [];
  expect(code).not.toBe("");
  return code;
}

/** A message, and whether it is genuine. */
interface Case {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isGenuine: boolean;
}

async function cases(): Promise<Case[]> {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const signed = async (
    secrets: readonly string[],
    timestamp = nowSeconds,
  ): Promise<Record<string, string>> => ({
    "webhook-id": ID,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": await signatureOf(secrets, ID, timestamp, BODY),
  });
  const headers = await signed([SECRET]);
  return [
    { headers, body: BODY, isGenuine: true },
    // During a rotation, in either order.
    { headers: await signed([OTHER, SECRET]), body: BODY, isGenuine: true },
    { headers: await signed([SECRET, OTHER]), body: BODY, isGenuine: true },
    { headers: await signed([OTHER]), body: BODY, isGenuine: false },
    { headers, body: BODY.replace("1.0", "2.0"), isGenuine: false },
    { headers: { ...headers, "webhook-id": "evt_1" }, body: BODY, isGenuine: false },
    { headers: { ...headers, "webhook-timestamp": String(nowSeconds + 1) }, body: BODY, isGenuine: false },
    { headers: { ...headers, "webhook-signature": "" }, body: BODY, isGenuine: false },
    // An old message that somebody sends again.
    { headers: await signed([SECRET], nowSeconds - 600), body: BODY, isGenuine: false },
  ];
}

/** Runs a program that reads a case from the environment and exits with 0 if it accepts it. */
async function expectVerdicts(command: string, args: readonly string[]): Promise<void> {
  for (const { headers, body, isGenuine } of await cases()) {
    const env = { ...process.env, WEBHOOK_SECRET: SECRET, HEADERS: JSON.stringify(headers), BODY: body };
    const isAccepted = await run(command, args, { env }).then(
      () => true,
      (thrown: { code?: unknown; stderr?: string }) => {
        // Rejected, not broken.
        expect([thrown.code, thrown.stderr]).toEqual([3, ""]);
        return false;
      },
    );
    expect(isAccepted, JSON.stringify(headers)).toBe(isGenuine);
  }
}

test("the library of Standard Webhooks accepts what the product signs, and the event in it", async () => {
  for (const { headers, body, isGenuine } of await cases()) {
    const verify = () => new Webhook(SECRET).verify(body, headers);
    if (isGenuine) expect(verify()).toEqual(JSON.parse(BODY));
    else expect(verify).toThrow();
  }
});

test("the lines for Node accept what is genuine and reject everything else", async () => {
  const program = `${snippet("js")}
    try { verify(process.env.BODY, JSON.parse(process.env.HEADERS)); } catch { process.exit(3); }`;
  const file = join(ROOT, "node_modules", ".edge-limiter-webhook-test.mjs");
  await writeFile(file, program);
  try {
    await expectVerdicts(process.execPath, [file]);
  } finally {
    await rm(file);
  }
});

test.skipIf(!HAS_PYTHON)(
  "the lines for Python accept what is genuine and reject everything else",
  async () => {
    const file = join(directory, "verify.py");
    const call = `import json, sys\nsys.exit(0 if verify(os.environ["BODY"].encode(), json.loads(os.environ["HEADERS"])) else 3)\n`;
    await writeFile(file, snippet("python") + call);
    await expectVerdicts("python3", [file]);
  },
);

test.skipIf(!HAS_GO)(
  "the lines for Go accept what is genuine and reject everything else",
  { timeout: 180_000 },
  async () => {
    const imports = [
      "crypto/hmac",
      "crypto/sha256",
      "encoding/base64",
      "encoding/json",
      "fmt",
      "net/http",
      "os",
      "slices",
      "strconv",
      "strings",
      "time",
    ];
    const program = `package main
import (${imports.map((name) => `"${name}"`).join("; ")})
${snippet("go")}
func main() {
  sent := map[string]string{}
  if json.Unmarshal([]byte(os.Getenv("HEADERS")), &sent) != nil { os.Exit(4) }
  header := http.Header{}
  for name, value := range sent { header.Set(name, value) }
  if !verify([]byte(os.Getenv("BODY")), header) { os.Exit(3) }
}`;
    await writeFile(join(directory, "main.go"), program);
    const binary = join(directory, "verify");
    await run("go", ["build", "-o", binary, join(directory, "main.go")], {
      env: { ...process.env, GO111MODULE: "off" },
    });
    await expectVerdicts(binary, []);
  },
);

test("every kind has its row, with the example of the API's documentation", () => {
  for (const kind of EVENT_KINDS) {
    const { when, data } = EVENT_EXAMPLES[kind];
    expect(document).toContain(`| \`${kind}\` | ${when} | \`${JSON.stringify(data)}\` |`);
  }
});

/** Accounts, keys, usage and decisions at a terminal, and moving in with ten thousand customers. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "../blackbox/checkout.ts";
import { request } from "../blackbox/client.ts";
import { eventually, type Product, startProduct } from "../blackbox/product.ts";
import { edgeLimiter } from "./program.ts";

/** `npm run test:import` imports 10,000. */
const ACCOUNTS = Number(process.env["IMPORT_ACCOUNTS"] ?? 300);
/** Of the imported keys, how many are tried. */
const TRIED = Math.min(ACCOUNTS, 200);

let checkout: Checkout;
let product: Product;
let directory: string;

beforeAll(async () => {
  [checkout, directory] = await Promise.all([
    makeCheckout({ devVars: LONG_DEADLINE }),
    mkdtemp(join(tmpdir(), "edge-limiter-cli-")),
  ]);
  product = await startProduct(checkout);
});
afterAll(async () => {
  await product?.run.kill();
  await Promise.all([checkout?.remove(), rm(directory, { recursive: true, force: true })]);
});

const cli = (...args: string[]) => edgeLimiter(product.url, args);
const call = (key: string) => request(new URL("/identify", product.url), { headers: { "X-API-Key": key } });

describe("at a terminal", () => {
  it("an account is deleted, and erased, also if it is deleted already", async () => {
    await cli("accounts", "create", "gone", "--name", "Gone Inc.");
    expect(await cli("accounts", "delete", "gone", "--reason", "left")).toMatchObject({
      code: 0,
      out: "deleted gone\n",
    });
    expect((await cli("accounts", "show", "gone")).code).toBe(1);
    const erased = await cli("accounts", "delete", "gone", "--erase");
    expect(erased).toMatchObject({ code: 0 });
    expect(erased.out).toMatch(/^erased gone at 20\d\d-\S+; erased later: points\n$/);
    const again = await cli("accounts", "delete", "gone", "--erase", "--json");
    expect(JSON.parse(again.out)).toMatchObject({ id: "gone", pending: ["points"] });
    expect(await cli("accounts", "delete", "nobody", "--erase")).toMatchObject({ code: 1 });
  });

  it("an account is created, gets keys, is used, and its denials are explained by their request ids", async () => {
    expect(await cli("accounts", "create", "acme", "--tier", "free", "--name", "Acme Inc.")).toMatchObject({
      code: 0,
      out: "created acme (free)\n",
    });
    const issued = await cli("keys", "create", "acme", "--name", "production");
    const key = issued.out.trim();
    expect(key).toMatch(/^el_live_/);
    let denied = await call(key);
    for (let i = 0; denied.status !== 429 && i < 400; i++) denied = await call(key);
    const id = String(denied.headers["x-request-id"]);
    const found = await eventually(10_000, "the log has the denial", async () => {
      const ran = await cli("decisions", "--request-id", id);
      return ran.code === 0 ? ran : null;
    });
    expect(found.out).toMatch(/user:acme +\/identify +free +denied +minute/);
    expect(found.out).toContain(`/dashboard/decision?id=${id}`);
    const unknown = await cli("decisions", "--request-id", "nothing");
    expect(unknown).toMatchObject({ code: 1, notes: expect.stringContaining("no such request") });

    expect((await cli("usage", "acme", "--granularity", "month")).out).toMatch(/T00:00:00Z +1\d\d +1\d\d +1/);
    const grouped = await cli("usage", "acme", "--granularity", "month", "--by", "unit,route");
    expect(grouped.out).toMatch(/^period +unit +route +requests +cost +denied$/m);
    expect(grouped.out).toMatch(/T00:00:00Z +requests +\/identify +1\d\d +1\d\d +1/);
    const misspelled = await cli("usage", "acme", "--by", "routes");
    expect(misspelled).toMatchObject({
      code: 1,
      notes: expect.stringContaining("--by takes route, key, unit"),
    });
    expect((await cli("accounts", "show", "acme")).out).toMatch(/acme +free +active +Acme Inc\./);
    const listed = await cli("keys", "list", "acme", "--json");
    const { keys } = z
      .object({ keys: z.array(z.looseObject({ keyId: z.string() })) })
      .parse(JSON.parse(listed.out));
    const keyId = keys[0]?.keyId ?? "";
    const rotated = await cli("keys", "rotate", "acme", keyId, "--grace", "0");
    expect((await call(key)).status).toBe(401);
    expect(rotated.out).toMatch(/^el_live_/);
    const last = z.object({ keyId: z.string() });
    const successor = JSON.parse((await cli("keys", "list", "acme", "--json")).out);
    const [, second] = z.object({ keys: z.array(last) }).parse(successor).keys;
    expect((await cli("keys", "revoke", "acme", second?.keyId ?? "")).out).toContain("revoked");
    expect((await call(rotated.out.trim())).status).toBe(401);
    expect((await cli("accounts", "list", "--tier", "free")).out).toMatch(
      /^acme +free +active +Acme Inc\.$/m,
    );
  });

  it("a failure is one line with its cause, and never has the token", async () => {
    const secret = "a-secret-token-of-nobody";
    const failures = [
      await edgeLimiter(null, ["accounts", "list"]),
      await edgeLimiter(product.url, ["accounts", "list"], { EDGE_LIMITER_TOKEN: secret }),
      await edgeLimiter(new URL("http://limits.example.com"), ["accounts", "list"]),
      await edgeLimiter(new URL("http://127.0.0.1:1"), ["accounts", "list"]),
      await cli("accounts", "show", "nobody"),
      await cli("accounts", "list", "--token", secret),
      await cli("accounts", "show"),
      await cli("nothing"),
      await cli("policy", "nothing"),
      await cli("policy", "pull", "-f", join(directory, "nowhere", "policy.json")),
    ];
    const [unset, rejected, clear, silent, absent, option, missing, nothing, verb, unwritable] = failures;
    for (const { code, out, notes } of failures) {
      expect([code, out]).toEqual([1, ""]);
      expect(notes).not.toMatch(new RegExp(`${secret}|${ADMIN_TOKEN}|^\\s+at `, "m"));
    }
    expect(unset?.notes).toContain("set EDGE_LIMITER_URL");
    expect(rejected?.notes).toContain("rejects the token in EDGE_LIMITER_TOKEN");
    expect(clear?.notes).toContain("must be https");
    expect(silent?.notes).toContain("does not answer");
    expect(absent?.notes).toContain('404: There is no account "nobody".');
    expect(option?.notes).toContain("Unknown option '--token'\n");
    expect(missing?.notes).toContain("accounts show takes <id>");
    expect(nothing?.notes).toContain('there is no command "nothing"\n');
    expect(verb?.notes).toContain('there is no command "policy nothing"\n');
    expect(unwritable?.notes).toMatch(/^edge-limiter: cannot write .*policy\.json: ENOENT/);
  });

  it("every command says what it takes", async () => {
    const { code, out } = await edgeLimiter(null, ["--help"]);
    expect(code).toBe(0);
    const commands = [...out.matchAll(/^ {2}((?:policy|accounts|keys) \w+|usage|decisions)/gm)];
    expect(commands).toHaveLength(15);
    for (const [, name = ""] of commands) {
      const help = await edgeLimiter(null, [...name.split(" "), "--help"]);
      expect([name, help.code]).toEqual([name, 0]);
      expect(help.out).toContain(`edge-limiter ${name}`);
    }
  });
});

describe(`moving in with ${ACCOUNTS} accounts`, () => {
  it(
    "imports them twice: they are there once, and each key works at once",
    { timeout: 3_600_000 },
    async () => {
      const file = join(directory, "customers.ndjson");
      const keys = Array.from({ length: ACCOUNTS }, () => `sk_live_${randomBytes(24).toString("base64url")}`);
      const lines = keys.map((key, i) => {
        const sha256 = createHash("sha256").update(key).digest("hex");
        return JSON.stringify({ id: `customer-${i}`, tier: "pro", keys: [{ sha256, name: "production" }] });
      });
      await writeFile(file, `${lines.join("\n")}\n\n{"id": "bad id"}\n`);
      const imported = async () => {
        const ran = await cli("accounts", "import", file, "--json");
        expect(ran.code).toBe(1);
        return z.looseObject({ failures: z.array(z.unknown()) }).parse(JSON.parse(ran.out));
      };
      const failures = [{ line: ACCOUNTS + 2, error: { errors: [{ path: "/id" }] } }];
      const first = { lines: ACCOUNTS + 1, created: ACCOUNTS, changed: 0, unchanged: 0, keysAdded: ACCOUNTS };
      expect(await imported()).toMatchObject({ ...first, failed: 1, failures });
      const second = { ...first, created: 0, unchanged: ACCOUNTS, keysAdded: 0 };
      expect(await imported()).toMatchObject({ ...second, failed: 1, failures });
      for (let i = 0; i < TRIED; i++) {
        const n = Math.floor((i * ACCOUNTS) / TRIED);
        const answer = await call(keys[n] ?? "");
        expect([n, answer.status]).toEqual([n, 200]);
      }
      expect((await call(`${keys[0]}x`)).status).toBe(401);
      const { out } = await cli("accounts", "show", `customer-${ACCOUNTS - 1}`, "--json");
      expect(JSON.parse(out)).toMatchObject({
        account: { tier: "pro", version: 1 },
        keys: [{ name: "production", revokedAt: null }],
      });
    },
  );
});

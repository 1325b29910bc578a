/**
 * An erasure in the started product: afterwards its storage files hold no text about the user, while the ledger and the numbered invoices
 * are byte for byte as before.
 *
 * SQLite keeps the bytes of deleted rows in free pages and in its log until it reuses them, and the runtime allows neither `secure_delete`
 * nor `VACUUM` (docs/privacy.md). So what a file holds is searched after it was packed as SQLite packs it.
 */
import { copyFile, glob, mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BILLED_ACCOUNT } from "../../scripts/demo-history.ts";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "./checkout.ts";
import { type Answer, request } from "./client.ts";
import { eventually, type Product, startProduct } from "./product.ts";

/** Each is in one or more fields of the account that take text. */
const TEXTS = ["Zauberfee", "Nachtflug", "Kesselbrand", "Mondschein"];

let checkout: Checkout;
let product: Product;

beforeAll(async () => {
  checkout = await makeCheckout({ devVars: LONG_DEADLINE });
  product = await startProduct(checkout, { history: "on" });
}, 180_000);
afterAll(async () => {
  await product?.run.kill();
  await checkout?.remove();
});

function admin(method: string, path: string, body?: object): Promise<Answer> {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" };
  const url = new URL(`/api/v1/admin${path}`, product.url);
  return request(url, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
}

/** Calls that must succeed. */
async function text(method: string, path: string, body?: object): Promise<string> {
  const answer = await admin(method, path, body);
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.text;
}

/** The texts that the files of a directory hold, with all databases packed. */
async function textsIn(state: string, copies: string): Promise<string[]> {
  const found = new Set<string>();
  let databases = 0;
  for await (const file of glob("**/*", { cwd: state })) {
    const from = join(state, file);
    if (!(await stat(from)).isFile() || /-(wal|shm)$/.test(file)) continue;
    const to = join(copies, file);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to);
    if (file.endsWith(".sqlite")) {
      databases += 1;
      await copyFile(`${from}-wal`, `${to}-wal`).catch(() => undefined);
      const database = new DatabaseSync(to);
      database.exec("PRAGMA wal_checkpoint(TRUNCATE); VACUUM;");
      database.close();
    }
    const bytes = (await readFile(to)).toString("latin1");
    for (const each of TEXTS) if (bytes.includes(each)) found.add(each);
  }
  expect(databases).toBeGreaterThan(4);
  return [...found];
}

it("leaves no text about the user in any storage file, and bills and the ledger as they were", async () => {
  const account = `/accounts/${BILLED_ACCOUNT}`;
  await text("PATCH", account, { name: "Zauberfee AG", reason: "Nachtflug" });
  const issued: { key: string } = JSON.parse(await text("POST", `${account}/keys`, { name: "Kesselbrand" }));
  await text("PATCH", `${account}/billing`, { budget: "900", reason: "Mondschein, says the Zauberfee" });
  const usage = (): Promise<string> => text("GET", `${account}/usage?granularity=month`);
  const used = async (): Promise<number> => JSON.parse(await usage()).usage[0].requests;
  const before = await used();
  for (let i = 0; i < 5; i++) {
    const headers = { "X-API-Key": issued.key, "Idempotency-Key": `Nachtflug-${i}` };
    expect((await request(new URL("/identify", product.url), { headers })).status).toBe(200);
  }
  const invoices = async (): Promise<string[]> => {
    const list: { invoices: { id: string; number: string | null }[] } = JSON.parse(
      await text("GET", `${account}/invoices`),
    );
    const ids = list.invoices.filter(({ number }) => number !== null).map(({ id }) => id);
    // In the first hours of a month, last month's invoice is not drafted yet.
    expect(ids.length).toBeGreaterThanOrEqual(2);
    return Promise.all(ids.toSorted().map((id) => text("GET", `${account}/invoices/${id}`)));
  };
  const report = async (): Promise<number> => {
    const answer = JSON.parse(await text("GET", `/reports/user?account=${BILLED_ACCOUNT}`));
    return answer.totals.requests;
  };
  await eventually(20_000, "the hub has the points", async () => ((await report()) > 0 ? true : null));
  // What isolates have spent of leases arrives a second later.
  await eventually(20_000, "the ledger has all requests", async () =>
    (await used()) === before + 5 ? true : null,
  );
  const [bills, ledger] = [await invoices(), await usage()];
  expect(bills.join()).toContain("Demo Customer GmbH");

  const erased = JSON.parse(await text("DELETE", `${account}?erase=true&reason=Nachtflug`));
  expect(erased).toMatchObject({ id: BILLED_ACCOUNT, pending: ["bills", "points"] });
  expect(await report()).toBe(0);
  expect(await invoices()).toEqual(bills);
  expect(await usage()).toBe(ledger);
  expect(JSON.parse(await text("DELETE", `${account}?erase=true`)).erasedAt).toBe(erased.erasedAt);

  await product.run.stop();
  const state = join(checkout.directory, ".demo", "state");
  expect(await textsIn(state, join(checkout.directory, "packed"))).toEqual([]);
  for (const each of TEXTS) expect(product.run.output).not.toContain(each);
  // Bills and ledger are as before after a restart, too.
  product = await startProduct(checkout, { history: "on" });
  expect(await invoices()).toEqual(bills);
  expect(await usage()).toBe(ledger);
}, 180_000);

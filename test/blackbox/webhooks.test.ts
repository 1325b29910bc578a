/**
 * Webhooks of the whole product: real receivers that work, hang, fail and die, many events, and `kill -9` while they are sent.
 *
 * WEBHOOK_EVENTS sets how many events are sent to three endpoints; `npm run test:webhooks:long` sends 10,000.
 */
import { createHash } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "./checkout.ts";
import { request } from "./client.ts";
import { HookReceiver, type Message } from "./hook-receiver.ts";
import { eventually, freePort, newAccount, type Product, publishPolicy, startProduct } from "./product.ts";

/** Keys of an account that an import has at most. */
const KEYS = 99;
const EVENTS = Number(process.env["WEBHOOK_EVENTS"] ?? 600);
const ACCOUNTS = Math.ceil(EVENTS / (KEYS + 1));
const LONG_MS = 60_000 + EVENTS * 60;
const KINDS = ["account.created", "account.blocked", "key.created", "policy.activated"];

let checkout: Checkout;
let product: Product;
let receiver: HookReceiver;
let port = 0;

beforeAll(async () => {
  checkout = await makeCheckout({ devVars: LONG_DEADLINE });
  receiver = await HookReceiver.start();
  port = await freePort();
  product = await startProduct(checkout, { port });
}, 120_000);
afterAll(async () => {
  receiver?.stop();
  await product?.run.kill();
  await checkout?.remove();
});

function admin(method: string, path: string, body?: object | string) {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const text = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  return request(new URL(`/api/v1/admin${path}`, product.url), { method, headers, ...text });
}

const endpointSchema = z.object({
  id: z.string(),
  enabled: z.boolean(),
  disabledReason: z.string().nullable(),
  waiting: z.number(),
  dead: z.number(),
  secret: z.string().optional(),
});
const deliverySchema = z.object({
  event: z.string(),
  type: z.string(),
  account: z.string().nullable(),
  state: z.string(),
  attempts: z.number(),
  lastAttempt: z.object({ status: z.number().nullable(), error: z.string().nullable() }).nullable(),
  body: z.unknown(),
});
type Delivery = z.infer<typeof deliverySchema>;
const deliveriesSchema = z.object({ deliveries: z.array(deliverySchema), cursor: z.string().nullable() });
const timestampSchema = z.object({ timestamp: z.string() });
const testSchema = z.object({
  delivered: z.boolean(),
  status: z.number().nullable(),
  error: z.string().nullable(),
});

async function addEndpoint(path: string, events: string[] | null = null) {
  const made = await admin("POST", "/webhooks", { url: receiver.url(path), events });
  expect([path, made.status, made.text]).toEqual([path, 201, expect.any(String)]);
  const { id, secret = "" } = endpointSchema.parse(made.json());
  return { id, secret };
}

async function endpoint(id: string) {
  const found = await admin("GET", `/webhooks/${id}`);
  expect(found.status).toBe(200);
  return endpointSchema.parse(found.json());
}

/** All deliveries of an endpoint, a page at a time. */
async function deliveries(id: string, query = ""): Promise<Delivery[]> {
  const all: Delivery[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page = await admin(
      "GET",
      `/webhooks/${id}/deliveries?limit=100${query}${cursor && `&cursor=${cursor}`}`,
    );
    expect([page.status, page.text.slice(0, 200)]).toEqual([200, expect.any(String)]);
    const { deliveries: found, cursor: next } = deliveriesSchema.parse(page.json());
    all.push(...found);
    cursor = next;
  }
  return all;
}

const only = async (id: string): Promise<Delivery | null> => (await deliveries(id))[0] ?? null;

/** Removes all endpoints. */
async function clear(): Promise<void> {
  const listed = z
    .object({ webhooks: z.array(endpointSchema) })
    .parse((await admin("GET", "/webhooks")).json());
  for (const { id } of listed.webhooks) expect((await admin("DELETE", `/webhooks/${id}`)).status).toBe(204);
}

it(
  "each receiver gets its events although others hang, fail, redirect or die",
  { timeout: 120_000 },
  async () => {
    await publishPolicy(product, { events: KINDS });
    const paths = ["/500", "/410", "/redirects", "/dies", "/hangs", "/dies-in-answer", "/endless", "/ok"];
    const made = new Map<string, Awaited<ReturnType<typeof addEndpoint>>>();
    for (const path of paths) made.set(path, await addEndpoint(path, ["account.created"]));
    const idOf = (path: string): string => made.get(path)?.id ?? "";
    const startMs = Date.now();
    await newAccount(product, "hooked", "free", "Höoked 🔑");

    const [message] = await eventually(15_000, "the event", () => {
      const found = receiver.at("/ok");
      return found.length > 0 ? found : null;
    });
    if (!message) throw new Error("no message");
    // Even the endpoints that answer with a broken or endless body have taken it: their status is an answer.
    for (const path of ["/ok", "/dies-in-answer", "/endless"]) {
      const delivered = await eventually(15_000, `${path} is delivered`, async () => {
        const found = await only(idOf(path));
        return found?.state === "delivered" ? found : null;
      });
      expect([path, delivered.attempts]).toEqual([path, 1]);
    }
    // A second attempt comes after about five seconds, and no redirect is followed.
    for (const [path, status, error] of [
      ["/500", 500, "Answered 500"],
      ["/redirects", 307, "Redirects are not followed (307)"],
      ["/dies", null, expect.any(String)],
      ["/hangs", null, "No answer within 10 s"],
    ] as const) {
      const failed = await eventually(40_000, `${path} is tried twice`, async () => {
        const found = await only(idOf(path));
        return found && found.attempts >= (path === "/hangs" ? 1 : 2) ? found : null;
      });
      expect([path, failed.state, failed.lastAttempt]).toMatchObject([path, "waiting", { status, error }]);
      const attempts = receiver.at(path);
      expect(new Set(attempts.map(({ id }) => id))).toEqual(new Set([message.id]));
      // Each attempt has a time and a signature of its own.
      for (const { headers, raw } of attempts) new Webhook(made.get(path)?.secret ?? "").verify(raw, headers);
    }
    expect(receiver.at("/target")).toEqual([]);
    expect(await endpoint(idOf("/410"))).toMatchObject({
      enabled: false,
      disabledReason: "gone",
      waiting: 1,
    });
    expect(receiver.at("/410")).toHaveLength(1);

    const secret = made.get("/ok")?.secret ?? "";
    expect(new Webhook(secret).verify(message.raw, message.headers)).toMatchObject({
      type: "account.created",
      data: { account: "hooked", tier: "free" },
    });
    expect(() => new Webhook(`whsec_${btoa("x".repeat(32))}`).verify(message.raw, message.headers)).toThrow();
    expect(message.atMs - startMs).toBeLessThan(15_000);

    const rotated = endpointSchema.parse((await admin("POST", `/webhooks/${idOf("/ok")}/rotate`, {})).json());
    const tested = testSchema.parse((await admin("POST", `/webhooks/${idOf("/ok")}/test`)).json());
    expect(tested).toMatchObject({ delivered: true, status: 204, error: null });
    const last = receiver.at("/ok").at(-1);
    if (!last) throw new Error("no test event");
    for (const one of [secret, rotated.secret ?? ""]) {
      expect(new Webhook(one).verify(last.raw, last.headers)).toMatchObject({ type: "webhook.test" });
    }
    receiver.repaired.add("/500");
    expect((await admin("PATCH", `/webhooks/${idOf("/500")}`, { enabled: false })).status).toBe(200);
    expect((await admin("PATCH", `/webhooks/${idOf("/500")}`, { enabled: true })).status).toBe(200);
    await eventually(
      10_000,
      "what waits is sent when the endpoint is enabled",
      async () => (await only(idOf("/500")))?.state === "delivered" || null,
    );
    receiver.repaired.clear();
    await clear();
  },
);

/** Whether the secret has signed the message, whenever that was. */
function isSigned({ id, headers, raw }: Message, secret: string): boolean {
  const at = new Date(Number(headers["webhook-timestamp"]) * 1_000);
  return headers["webhook-signature"] === new Webhook(secret).sign(id, at, raw);
}

/** What an account's events must be, in order: its creation, then its keys. */
function expected(account: string): string[] {
  return ["account.created", ...Array.from({ length: KEYS }, (_, n) => `key.created ${account} ${n}`)];
}

/** The names of keys by their ids: an event has the id alone. */
const keyNames = new Map<string, string>();

const keysSchema = z.object({ keys: z.array(z.object({ keyId: z.string(), name: z.string() })) });

async function learnKeys(account: string): Promise<void> {
  const { keys } = keysSchema.parse((await admin("GET", `/accounts/${account}/keys`)).json());
  for (const { keyId, name } of keys) keyNames.set(keyId, name);
}

const named = ({ type, data }: Pick<Message, "type" | "data">): string =>
  type === "key.created" ? `${type} ${keyNames.get(String(data["keyId"]))}` : type;

/** The messages of an account without repeats of an id. */
function firsts(messages: readonly Message[], account: string): Message[] {
  const seen = new Set<string>();
  return messages.filter(({ id, data }) => {
    if (data.account !== account || seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

it(
  `${EVENTS} events to three endpoints, of which one is dead: the others get each in order; the dead one's are listed and replayed; a kill loses none`,
  { timeout: LONG_MS * 3 },
  async () => {
    const dead = await addEndpoint("/500");
    const works = [await addEndpoint("/works-1"), await addEndpoint("/works-2")];
    const accounts = Array.from({ length: ACCOUNTS }, (_, n) => `many-${n}`);
    const line = (id: string): string =>
      JSON.stringify({
        id,
        keys: Array.from({ length: KEYS }, (_, n) => ({
          sha256: createHash("sha256").update(`${id} ${n}`).digest("hex"),
          name: `${id} ${n}`,
        })),
      });
    const startMs = Date.now();
    const [before, after] = [accounts.slice(0, ACCOUNTS / 2), accounts.slice(ACCOUNTS / 2)];
    const imported = await admin("POST", "/accounts/import", before.map(line).join("\n"));
    expect(imported.status).toBe(200);
    const killed = receiver.messages.length;
    await product.run.kill();
    product = await startProduct(checkout, { port });
    expect((await admin("POST", "/accounts/import", after.map(line).join("\n"))).status).toBe(200);
    const importedMs = Date.now();

    const total = ACCOUNTS * (KEYS + 1);
    for (const path of ["/works-1", "/works-2"]) {
      await eventually(LONG_MS, `${path} has all events`, () => {
        const ids = new Set(receiver.at(path).map(({ id }) => id));
        return ids.size >= total || null;
      });
    }
    const doneMs = Date.now();
    for (const account of accounts) await learnKeys(account);
    for (const [i, path] of ["/works-1", "/works-2"].entries()) {
      const messages = receiver.at(path);
      for (const account of accounts) {
        expect(firsts(messages, account).map(named)).toEqual(expected(account));
      }
      // None is invented: all have a valid signature, and together they are what was expected.
      expect(new Set(messages.map(({ id }) => id)).size).toBe(total);
      expect(messages.filter((message) => !isSigned(message, works[i]?.secret ?? ""))).toEqual([]);
      await eventually(
        30_000,
        "nothing waits",
        async () => (await endpoint(works[i]?.id ?? "")).waiting === 0 || null,
      );
    }
    const repeats = receiver.messages.filter(({ path }) => path.startsWith("/works")).length - 2 * total;
    const waits = accounts
      .flatMap((account) => works.flatMap((_one, i) => firsts(receiver.at(`/works-${i + 1}`), account)))
      .map(({ atMs, raw }) => atMs - Date.parse(timestampSchema.parse(JSON.parse(raw)).timestamp))
      .toSorted((a, b) => a - b);
    const wait = (share: number): string =>
      `${Math.round((waits[Math.ceil(share * waits.length) - 1] ?? 0) / 100) / 10} s`;
    process.stderr.write(
      `first attempt after the event: median ${wait(0.5)}, 99 % within ${wait(0.99)}, all within ${wait(1)}; ${total} events to 3 endpoints (1 dead), killed after ${killed} messages: queued in ${importedMs - startMs} ms, all delivered ${doneMs - importedMs} ms later, ${repeats} duplicates\n`,
    );

    const listed = await deliveries(dead.id);
    const { waiting, disabledReason } = await endpoint(dead.id);
    expect(waiting).toBe(total);
    if (total >= 10_000) expect(disabledReason).toBe("full");
    const ids = new Set(receiver.at("/works-1").map(({ id }) => id));
    expect(listed.filter(({ event }) => !ids.has(event))).toEqual([]);
    expect(listed.length).toBe(total);
    expect(listed.every(({ state }) => state === "waiting")).toBe(true);

    // Its receiver is repaired: everything that waits comes, in order, although the endpoint was disabled if it was full.
    receiver.messages.length = 0;
    receiver.repaired.add("/500");
    await admin("PATCH", `/webhooks/${dead.id}`, { enabled: false });
    expect((await admin("PATCH", `/webhooks/${dead.id}`, { enabled: true })).status).toBe(200);
    await eventually(
      LONG_MS,
      "the dead endpoint has all events",
      async () => (await endpoint(dead.id)).waiting === 0 || null,
    );
    for (const account of accounts) {
      expect(firsts(receiver.at("/500"), account).map(named)).toEqual(expected(account));
    }
    const [again] = await deliveries(dead.id, "&state=delivered");
    if (!again) throw new Error("nothing is delivered");
    const replayed = await admin("POST", `/webhooks/${dead.id}/deliveries/${again.event}/replay`, {});
    expect(replayed.status).toBe(200);
    await eventually(
      10_000,
      "the replay",
      () => receiver.at("/500").filter(({ id }) => id === again.event).length >= 2 || null,
    );
    await clear();
  },
);

/** Tokens on the started product, whose requests share one isolate: the issuer's key set is slow, is gone, or is asked for by clients that leave. */
import { once } from "node:events";
import { createServer, request as httpRequest, type Server, type ServerResponse } from "node:http";
import { setTimeout } from "node:timers/promises";
import { exportJWK, generateKeyPair, type GenerateKeyPairResult, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Checkout, makeCheckout, LONG_DEADLINE } from "./checkout.ts";
import { request } from "./client.ts";
import { eventually, type Product, publishPolicy, startProduct } from "./product.ts";

let checkout: Checkout;
let product: Product;
let issuer: Server;
let keys: GenerateKeyPairResult;
let fetches = 0;
/** How the issuer answers the next fetches. */
let answer: (response: ServerResponse) => void;

beforeAll(async () => {
  keys = await generateKeyPair("ES256", { extractable: true });
  issuer = createServer((_incoming, response) => {
    fetches += 1;
    answer(response);
  });
  issuer.listen(0, "127.0.0.1");
  await once(issuer, "listening");
  const address = issuer.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  checkout = await makeCheckout({
    devVars: {
      ...LONG_DEADLINE,
      JWT_ALGORITHM: "ES256",
      JWT_ISSUER: "https://issuer.test",
      JWT_AUDIENCE: "edge",
      JWT_JWKS_URL: `http://127.0.0.1:${address.port}/keys`,
    },
  });
  product = await startProduct(checkout);
  await publishPolicy(product, { routes: [{ match: "/*", cost: 0.001 }] });
});
afterAll(async () => {
  await product?.run.stop();
  issuer?.closeAllConnections();
  issuer?.close();
  await checkout?.remove();
});

async function bearer(kid = "k1"): Promise<Record<string, string>> {
  const token = new SignJWT({ sub: "ada", jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: "ES256", kid })
    .setIssuer("https://issuer.test")
    .setAudience("edge")
    .setExpirationTime("1h");
  return { Authorization: `Bearer ${await token.sign(keys.privateKey)}` };
}

/** The statuses of this many concurrent requests, each with its own token. */
async function statuses(count: number, kid?: string): Promise<Record<number, number>> {
  const headers = await Promise.all(Array.from({ length: count }, () => bearer(kid)));
  const answers = await Promise.all(
    headers.map((fields) => request(new URL("/identify", product.url), { headers: fields })),
  );
  const found: Record<number, number> = {};
  for (const { status } of answers) found[status] = (found[status] ?? 0) + 1;
  return found;
}

test("a fetch of the key set outlives its client, serves all requests that wait, and its keys outlive the issuer", async () => {
  const body = JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: "k1" }] });
  let answered: () => void = () => undefined;
  answer = (response) => {
    answered = () => response.end(body);
  };
  const leaving = httpRequest(new URL("/identify", product.url), { headers: await bearer() });
  leaving.on("error", () => undefined);
  leaving.end();
  await eventually(10_000, "the key set is asked for", () => fetches === 1 || null);
  leaving.destroy();
  const waiting = statuses(50);
  await setTimeout(500);
  answered();
  expect(await waiting).toEqual({ 200: 50 });
  expect(fetches).toBe(1);

  issuer.closeAllConnections();
  answer = (response) => response.destroy();
  expect(await statuses(20)).toEqual({ 200: 20 });
  expect(await statuses(50, "forged")).toEqual({ 401: 50 });
  expect(fetches).toBe(1);
  expect(product.run.output).not.toMatch(/different request|hung|never generate/i);
});

/** Where an account's object is created: the location hint that reaches the namespace, for each kind of first call. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { START_MS, startClock, stopClock } from "../durable-objects/fixture.ts";
import { customerOf, type Started, start } from "../fixtures/control-start.ts";

// Many sequential calls, possibly on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

const inAnHour = (): string => new Date(START_MS + 3_600_000).toISOString();

type Options = DurableObjectNamespaceGetDurableObjectOptions;

/** An edge, and the location hints with which it has called each object, in order; null: without one. */
async function startWithHints(
  variables: Partial<Env> = {},
): Promise<Started & { hintsOf(user: string): unknown[] }> {
  const calls: { readonly subject: string; readonly hint: unknown }[] = [];
  const objects = new Proxy(env.USER_LIMITER, {
    get(namespace, name) {
      if (name !== "getByName") return Reflect.get(namespace, name);
      return (subject: string, options?: Options) => {
        calls.push({ subject, hint: options && "locationHint" in options ? options.locationHint : null });
        return namespace.getByName(subject, options);
      };
    },
  });
  const started = await start({ variables: { ...variables, USER_LIMITER: objects } });
  const hintsOf = (user: string) =>
    calls.filter(({ subject }) => subject === `user:${user}`).map(({ hint }) => hint);
  return { ...started, hintsOf };
}

describe("a new account's object", () => {
  it.each(["wnam", "enam", "sam", "weur", "eeur", "apac", "apac-ne", "apac-se", "oc", "afr", "me"])(
    "is created in the region that the request names: %s",
    async (home) => {
      const { operator, hintsOf } = await startWithHints();
      await operator.createAccount(`home-${home}`, { home });
      expect(hintsOf(`home-${home}`)).toEqual([home]);
    },
  );

  it("is created in the deployment's region if the request names none", async () => {
    const { operator, hintsOf } = await startWithHints({ ACCOUNT_HOME: "sam" });
    await operator.createAccount("home-default");
    expect(hintsOf("home-default")).toEqual(["sam"]);
  });

  it("is created in the request's region rather than in the deployment's", async () => {
    const { operator, hintsOf } = await startWithHints({ ACCOUNT_HOME: "sam" });
    await operator.createAccount("home-both", { home: "oc" });
    expect(hintsOf("home-both")).toEqual(["oc"]);
  });

  it.each([{}, { ACCOUNT_HOME: "" }])(
    "is created without a hint if neither names a region: %j",
    async (variables) => {
      const { operator, hintsOf } = await startWithHints(variables);
      const id = `home-none-${Object.keys(variables).length}`;
      await operator.createAccount(id);
      expect(hintsOf(id)).toEqual([null]);
    },
  );

  it("exists at once, with keys, blocks and limits as in any other region", async () => {
    const { edge, operator } = await startWithHints();
    await operator.createAccount("home-used", { home: "apac" });
    const customer = await customerOf({ edge, operator }, "home-used");
    expect(await customer.call(6)).toEqual([200, 200, 200, 200, 200, 429]);
    await operator.do("changedAccount", "PATCH", "/accounts/home-used", { status: "blocked" });
    expect(await customer.call()).toEqual([403]);
  });

  it("keeps its home if the account is created a second time: 409", async () => {
    const { operator } = await startWithHints();
    await operator.createAccount("home-twice", { home: "weur" });
    const again = { id: "home-twice", home: "enam" };
    expect(await operator.rejection("POST", "/accounts", again)).toBe("409");
  });
});

describe("a call of the control plane before the account exists", () => {
  const calls: [method: string, path: string, body?: object][] = [
    ["GET", ""],
    ["PATCH", "", { name: "x" }],
    ["DELETE", ""],
    ["POST", "/keys", {}],
    ["GET", "/keys"],
    ["POST", "/keys/none/rotate", {}],
    ["DELETE", "/keys/none"],
    ["POST", "/grants", { limit: "day", amount: 1, until: inAnHour() }],
    ["POST", "/reset", {}],
    ["GET", "/audit"],
    ["GET", "/usage"],
    ["GET", "/status"],
  ];

  it.each(calls)(
    "creates the object in the deployment's region, not near the operator: %s %s",
    async (...call) => {
      const [method, path, body] = call;
      const { operator, hintsOf } = await startWithHints({ ACCOUNT_HOME: "eeur" });
      const id = `early-${calls.findIndex((each) => each[0] === method && each[1] === path)}`;
      const response = await operator.send(method, `/accounts/${id}${path}`, body);
      expect(response.status).toBe(path === "/status" ? 200 : 404);
      expect(new Set(hintsOf(id))).toEqual(new Set(["eeur"]));
    },
  );
});

it("is created in the deployment's region by a report about a user who is not known yet", async () => {
  const { operator, hintsOf } = await startWithHints({ ACCOUNT_HOME: "me" });
  const response = await operator.send("GET", "/reports/ledger-drift?account=user:reported");
  expect(await response.json()).toMatchObject({ accounts: [{ account: "user:reported" }] });
  expect(hintsOf("reported")).toEqual(["me"]);
});

describe("a user's request", () => {
  it("creates the object near the user: it passes no hint", async () => {
    const { edge, operator, hintsOf } = await startWithHints({ ACCOUNT_HOME: "eeur" });
    await operator.createAccount("home-caller", { home: "weur" });
    const customer = await customerOf({ edge, operator }, "home-caller");
    const before = hintsOf("home-caller").length;
    await customer.call();
    await customer.left();
    const ofUser = hintsOf("home-caller").slice(before);
    expect(ofUser.length).toBeGreaterThan(0);
    expect(new Set(ofUser)).toEqual(new Set([null]));
  });
});

describe("a home that is no region", () => {
  it.each(["", "WEUR", "eu", "europe", "weur ", "us-east-1", null, 1, ["weur"], {}])(
    "is rejected with 422, and creates neither the account nor its object: %j",
    async (home) => {
      const { operator, hintsOf } = await startWithHints();
      expect(await operator.rejection("POST", "/accounts", { id: "home-wrong", home })).toBe("422 /home");
      expect(hintsOf("home-wrong")).toEqual([]);
    },
  );

  it("cannot be changed later: the object does not move", async () => {
    const { operator } = await startWithHints();
    await operator.createAccount("home-stays", { home: "weur" });
    const rejection = await operator.rejection("PATCH", "/accounts/home-stays", {
      name: "Moved",
      home: "enam",
    });
    expect(rejection).toBe("422 /home");
  });
});

/** Links to the portal and its sessions in the account's object: used once, bounded, and gone when their time or their account is over. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
import { objectMetrics } from "../../durable-objects/object-metrics.ts";
import { secretDigest } from "../../src/identity/secret-digest.ts";
import type { PortalProof, PortalSecret } from "../../src/objects/portal.ts";
import { bucket, later, publishLimits, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

const BY = { actor: "op", reason: "" };
const MINUTE_MS = 60_000;

let secrets = 0;

async function newSecret(): Promise<PortalSecret> {
  secrets += 1;
  return { id: `secret-${secrets}`, digest: await secretDigest(`value-${secrets}`) };
}

class PortalUser extends UserObject {
  async signIn(proof: PortalProof): Promise<PortalSecret> {
    const session = await newSecret();
    expect(await this.stub.openPortal(proof, session)).toMatchObject({ kind: "session" });
    return session;
  }

  async newLink(forMs = 15 * MINUTE_MS): Promise<PortalSecret> {
    const link = await newSecret();
    expect(await this.stub.addPortalLink(link, forMs, BY)).toMatchObject({ kind: "link" });
    return link;
  }

  async byLink(): Promise<PortalSecret> {
    return this.signIn({ kind: "link", link: await this.newLink() });
  }

  /** What a link would open now: `session`, `used` or `ended`. */
  async opens(link: PortalSecret): Promise<string> {
    return (await this.stub.openPortal({ kind: "link", link }, await newSecret())).kind;
  }

  /** Which of these sessions are in force. */
  async inForce(sessions: readonly PortalSecret[]): Promise<boolean[]> {
    const answers: boolean[] = [];
    for (const one of sessions) answers.push((await this.stub.portalSession(one)).kind === "session");
    return answers;
  }

  async rows(): Promise<number> {
    return (await this.query("SELECT id FROM portal_sessions")).length;
  }
}

const BY_KEY: PortalProof = { kind: "key", keyId: "k1" };

async function account(): Promise<PortalUser> {
  const user = new PortalUser(await publishLimits(bucket(1, "day", 50)));
  await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
  const key = { keyId: "k1", hash: "h1", name: "first", scopes: ["call"] as const, expiresMs: null };
  await user.stub.addKey(key);
  return user;
}

async function times<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let i = 0; i < count; i++) {
    later(1);
    made.push(await make());
  }
  return made;
}

describe("a session", () => {
  it.each([
    ["key", 12 * HOUR_MS],
    ["link", 4 * HOUR_MS],
  ] as const)(
    "of a %s lasts %i ms, also across evictions and crashes, and is then swept by the alarm",
    async (kind, lifeMs) => {
      const user = await account();
      const session = await (kind === "key" ? user.signIn(BY_KEY) : user.byLink());
      await user.evict();
      later(lifeMs - 1);
      expect(await user.inForce([session])).toEqual([true]);
      await user.crash();
      expect(await user.inForce([session])).toEqual([true]);
      expect(await user.alarmAtMs()).not.toBeNull();
      later(1);
      expect(await user.inForce([session])).toEqual([false]);
      await user.ringAlarm();
      expect(await user.rows()).toBe(0);
    },
  );

  it("needs its id and its secret", async () => {
    const user = await account();
    const [one, other] = [await user.signIn(BY_KEY), await user.signIn(BY_KEY)];
    expect(
      await user.inForce([
        { ...one, digest: other.digest },
        { ...one, digest: "" },
      ]),
    ).toEqual([false, false]);
    expect(await user.inForce([one, other])).toEqual([true, true]);
  });

  it("of a key ends with the key, and says before that the key will expire", async () => {
    const user = await account();
    const session = await user.signIn(BY_KEY);
    expect(await user.stub.portalSession(session)).toMatchObject({ session: { isEnding: false } });
    await user.stub.rotateKey({ oldKeyId: "k1", keyId: "k2", hash: "h2", graceMs: HOUR_MS });
    expect(await user.stub.portalSession(session)).toMatchObject({ session: { isEnding: true } });
    later(HOUR_MS);
    expect(await user.inForce([session])).toEqual([false]);
    const next = await user.signIn({ kind: "key", keyId: "k2" });
    await user.stub.revokeKey("k2");
    expect(await user.inForce([next])).toEqual([false]);
    expect(await user.stub.openPortal({ kind: "key", keyId: "k2" }, await newSecret())).toEqual({
      kind: "ended",
    });
    expect(await user.stub.openPortal({ kind: "key", keyId: "k9" }, await newSecret())).toEqual({
      kind: "ended",
    });
  });

  it("is one of at most 50 of its kind: the oldest of the same kind ends, and never another", async () => {
    const user = await account();
    const links = await times(3, () => user.byLink());
    const keys = await times(52, () => user.signIn(BY_KEY));
    const kept = await user.inForce(keys);
    expect(kept).toEqual([false, false, ...Array.from({ length: 50 }, () => true)]);
    expect(await user.inForce(links)).toEqual([true, true, true]);
    const more = await times(49, () => user.byLink());
    expect(await user.inForce([...links, ...more])).toEqual([
      false,
      false,
      ...Array.from({ length: 50 }, () => true),
    ]);
    expect((await user.inForce(keys)).filter(Boolean)).toHaveLength(50);
  });

  it("of a key does not end by the sessions of another key, however many those are", async () => {
    const user = await account();
    await user.stub.addKey({ keyId: "k2", hash: "h2", name: "", scopes: ["call"], expiresMs: null }, BY);
    const own = await user.signIn(BY_KEY);
    const others = await times(60, async () => user.signIn({ kind: "key", keyId: "k2" }));
    expect(await user.inForce([own])).toEqual([true]);
    expect((await user.inForce(others)).lastIndexOf(false)).toBe(10);
    expect(await user.rows()).toBe(50);
  });

  it("is not begun if storage fails, and the link still opens one", async () => {
    const user = await account();
    const link = await user.newLink();
    await user.failNextWrite("INSERT INTO portal_sessions");
    const failed = await user.inside(async (object) => {
      const [opened] = await Promise.allSettled([
        object.openPortal({ kind: "link", link }, await newSecret()),
      ]);
      return opened?.status;
    });
    expect(failed).toBe("rejected");
    expect(await user.opens(link)).toBe("session");
    expect(await user.opens(link)).toBe("used");
  });

  it("counts the rows that a sign-out writes", async () => {
    const user = await account();
    const session = await user.byLink();
    const written = (): number =>
      (objectMetrics.take() ?? []).reduce(
        (sum, [family, , [count = 0]]) => sum + (family === "rowsWritten" ? count : 0),
        0,
      );
    written();
    await user.stub.closePortal(session);
    expect(written()).toBeGreaterThan(0);
  });
});

describe("a link", () => {
  it("opens one of many sessions that are asked for at once", async () => {
    const user = await account();
    const link = await user.newLink();
    const opened = await Promise.all(Array.from({ length: 10 }, () => user.opens(link)));
    expect(opened.toSorted()).toEqual(["session", ...Array.from({ length: 9 }, () => "used")]);
    await user.evict();
    expect(await user.opens(link)).toBe("used");
  });

  it("opens nothing from its end on, and no link is a session", async () => {
    const user = await account();
    const [late, early] = [await user.newLink(MINUTE_MS), await user.newLink(MINUTE_MS)];
    expect(await user.inForce([late])).toEqual([false]);
    later(MINUTE_MS - 1);
    expect(await user.opens(early)).toBe("session");
    later(1);
    expect(await user.opens(late)).toBe("ended");
    expect(await user.opens({ ...early, digest: "0" })).toBe("ended");
  });

  it("is one of at most 20: used ones go first, then the oldest", async () => {
    const user = await account();
    const [first, second, ...others] = await times(20, () => user.newLink());
    if (!first || !second) throw new Error("there are 20");
    const last = others.at(-1);
    if (!last) throw new Error("there are 20");
    const session = await user.signIn({ kind: "link", link: last });
    await user.newLink();
    expect(await user.opens(last)).toBe("ended");
    await user.newLink();
    expect(await user.opens(first)).toBe("ended");
    expect(await user.opens(second)).toBe("session");
    expect(await user.inForce([session])).toEqual([true]);
  });

  it("is in the audit trail, with who made it and until when it may be used", async () => {
    const user = await account();
    await user.newLink(DAY_MS);
    const [entry] = (await user.stub.audit(Number.MAX_SAFE_INTEGER, 1)) ?? [];
    expect(entry).toMatchObject({ actor: "op", action: "portal.link", before: null });
    expect(JSON.parse(entry?.after ?? "")).toEqual({
      id: expect.any(String),
      until: new Date(Date.now() + DAY_MS).toISOString(),
    });
  });
});

describe("a change by a customer", () => {
  it("is made only while the session is in force, whatever the edge has found before", async () => {
    const user = await account();
    await user.stub.addKey({ keyId: "k2", hash: "h2", name: "", scopes: ["call"], expiresMs: null });
    const [one, other] = [await user.signIn(BY_KEY), await user.signIn({ kind: "key", keyId: "k2" })];
    const link = await user.newLink();
    const keyBy = async ({ id }: PortalSecret): Promise<string> => {
      const { id: keyId, digest } = await newSecret();
      const key = { keyId, hash: digest, name: "", scopes: ["call"] as const, expiresMs: null };
      const answer = await user.stub.addKey(key, { actor: "portal", reason: "", session: id });
      return answer.kind === "call-differs" ? `session ${answer.session}` : answer.kind;
    };
    expect([await keyBy(one), await keyBy(other), await keyBy(link)]).toEqual([
      "key",
      "key",
      "session ended",
    ]);
    await user.stub.revokeKey("k1");
    expect([await keyBy(one), await keyBy(other)]).toEqual(["session ended", "key"]);
    await user.stub.changeAccount({ status: "blocked" });
    expect(await keyBy(other)).toBe("session ended");
    await user.stub.changeAccount({ status: "active" });
    expect(await keyBy(other)).toBe("key");
    later(12 * HOUR_MS);
    expect(await keyBy(other)).toBe("session ended");
  });
});

describe("the end of an account", () => {
  it("by a block ends links that were made before it, and sessions can still read", async () => {
    const user = await account();
    const [before, session] = [await user.newLink(), await user.byLink()];
    await user.stub.changeAccount({ status: "blocked" });
    expect(await user.opens(before)).toBe("ended");
    expect(await user.stub.portalSession(session)).toMatchObject({
      session: { account: { name: "Ann", status: "blocked" } },
    });
    const after = await user.newLink();
    await user.stub.changeAccount({ name: "Anna" });
    expect(await user.opens(after)).toBe("session");
  });

  it.each([
    ["deletion", (user: PortalUser) => user.stub.deleteAccount(BY)],
    ["erasure", (user: PortalUser) => user.stub.eraseAccount(BY)],
  ])("by %s ends all links and sessions, also for a later account of the same id", async (_what, end) => {
    const user = await account();
    const [link, used] = [await user.newLink(), await user.newLink()];
    const sessions = [await user.signIn(BY_KEY), await user.signIn({ kind: "link", link: used })];
    await end(user);
    expect(await user.rows()).toBe(0);
    expect(await user.inForce(sessions)).toEqual([false, false]);
    expect(await user.opens(link)).toBe("ended");
    expect(await user.stub.addPortalLink(await newSecret(), MINUTE_MS, BY)).toEqual({ kind: "absent" });
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    expect(await user.inForce(sessions)).toEqual([false, false]);
    expect(await user.opens(link)).toBe("ended");
  });

  it("of a user without an account writes nothing", async () => {
    const user = new PortalUser();
    expect(await user.inForce([await newSecret()])).toEqual([false]);
    await user.stub.closePortal(await newSecret());
    expect(await user.stub.openPortal(BY_KEY, await newSecret())).toEqual({ kind: "ended" });
    expect(await user.stored()).toEqual([]);
  });
});

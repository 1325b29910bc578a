/**
 * `npm run deploy -- --gradual`, run as a separate process with the real wrangler, against a fake Cloudflare that remembers which versions
 * serve how much, and a fake product.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readShares } from "../../scripts/deploy/gradual.ts";
import { readTraffic } from "../../scripts/deploy/verify-errors.ts";
import { makeCheckout } from "./checkout.ts";
import { asks, failure, RAN_BEFORE, startVersions, UPLOADED, uploadsOf } from "./fake-cloudflare.ts";
import { DENIED, HEALTH, type Received, type Replies, startTarget } from "./fake-target.ts";
import { runScript } from "./run-script.ts";
import { BUILT } from "./wrangler-replies.ts";

const CLASSES = ["UserLimiter", "PolicyRegistry", "AccountDirectory", "BillingRegister", "WebhookDesk"];
const BEFORE = { [RAN_BEFORE]: 100 };
const at = (share: number) =>
  share === 100 ? { [UPLOADED]: 100 } : { [RAN_BEFORE]: 100 - share, [UPLOADED]: share };

/** Whether a request asks for the new version. */
const wantsNew = ({ headers }: Received): boolean =>
  headers["cloudflare-workers-version-overrides"] === `edge-limiter="${UPLOADED}"`;

/** A product of which the header chooses the version. */
const PRODUCT: Replies = {
  "/health": (_count, _query, received) => ({
    body: { ...HEALTH, deployment: wantsNew(received) ? UPLOADED : RAN_BEFORE },
  }),
  "/api/refresh": DENIED,
};

type Cloudflare = Awaited<ReturnType<typeof startVersions>>;

interface Options {
  readonly shares?: string;
  readonly replies?: (cloudflare: Cloudflare) => Replies;
  readonly prepare?: (cloudflare: Cloudflare) => void;
  readonly classes?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Commands run the real wrangler. Each takes seconds. */
  readonly isReal?: boolean;
}

async function roll({
  shares = "10,100",
  replies = () => ({}),
  prepare,
  classes = CLASSES,
  env = {},
  isReal = false,
}: Options = {}) {
  await using cloudflare = await startVersions(classes);
  await using checkout = await makeCheckout({ wrangler: isReal ? BUILT : { ...BUILT, ...asks(cloudflare) } });
  await using target = await startTarget({ ...PRODUCT, ...replies(cloudflare) });
  prepare?.(cloudflare);
  const options = [
    "--skip-checks",
    "--project",
    checkout.root,
    "--wait",
    "0",
    "--soak",
    "0",
    "--target",
    target.url,
  ];
  const run = await runScript("deploy", [...options, "--gradual", shares], {
    cloudflare: cloudflare.url,
    env,
  });
  return { ...run, deployed: cloudflare.deployed, cloudflare: cloudflare.requests, product: target.requests };
}

describe.concurrent("a gradual deployment", { timeout: 300_000 }, () => {
  it("raises the share of the new version step by step, and verifies it at each", async () => {
    const { stdout, deployed, code, product } = await roll({ shares: "10,50,100", isReal: true });
    expect(deployed, stdout).toEqual([BEFORE, at(10), at(50), at(100)]);
    expect(stdout).toContain(`done: version ${UPLOADED}, which serves no request yet`);
    for (const share of [10, 50, 100]) {
      expect(stdout).toContain(`Shift ${share} % of the requests`);
      expect(stdout).toMatch(new RegExp(`Verify health at ${share} %\n.*done: `));
      expect(stdout).toMatch(
        new RegExp(`Verify the error rate at ${share} %\n.*done: 50 requests without an error`),
      );
    }
    expect(stdout.match(/done: 429 on GET/g)).toHaveLength(3);
    expect(product.filter((request) => request.endsWith("/status"))).toHaveLength(150);
    expect(stdout).toContain(`Deployed version ${UPLOADED}`);
    expect(stdout).toContain(`npx wrangler rollback ${RAN_BEFORE}`);
    expect(code).toBe(0);
  });

  it("goes back by itself if its second step fails", async () => {
    const { stdout, deployed, code } = await roll({
      shares: "10,50,100",
      replies: ({ deployed: shares }) => ({
        "/health": (_count, _query, received) => {
          const isBroken = (shares.at(-1)?.[UPLOADED] ?? 0) >= 50;
          const body = { ...HEALTH, deployment: wantsNew(received) ? UPLOADED : RAN_BEFORE };
          return { body: isBroken ? { ...body, status: "degraded", checks: { limiter: "down" } } : body };
        },
      }),
    });
    expect(deployed, stdout).toEqual([BEFORE, at(10), at(50), BEFORE]);
    expect(stdout).toContain(
      'Stopped at "Verify health at 50 %": not healthy after 0 s: status degraded: limiter: down',
    );
    expect(stdout).toContain(`Rolled back: all requests go to version ${RAN_BEFORE}.`);
    expect(stdout).not.toContain("Shift 100 %");
    expect(code).toBe(1);
  });

  it("goes back if the new version does not answer, fails requests, or does not limit", async () => {
    const faults: [replies: Replies, says: string][] = [
      [{ "/health": { body: { ...HEALTH, deployment: RAN_BEFORE } } }, `version ${RAN_BEFORE} still answers`],
      [
        { "/api/v1/rate-limit/status": (count) => ({ status: count % 10 === 0 ? 500 : 200, body: {} }) },
        "5 of 50 requests failed",
      ],
      [{ "/api/refresh": { status: 429, body: {} } }, "returned 429 without"],
    ];
    for (const [replies, says] of faults) {
      const { stdout, deployed, code } = await roll({ replies: () => replies });
      expect(deployed, stdout).toEqual([BEFORE, at(10), BEFORE]);
      expect(stdout).toContain(says);
      expect(stdout).toContain("Rolled back: ");
      expect(code).toBe(1);
    }
  });

  it("goes back if more of the traffic fails than before, which a token lets it see", async () => {
    const metrics = (count: number) =>
      `edge_limiter_requests_total{route="/a",outcome="allowed"} ${count * 100}\nedge_limiter_requests_total{route="/a",outcome="error"} ${count * 10}\n`;
    const { stdout, deployed } = await roll({
      replies: () => ({
        "/api/v1/rate-limit/metrics": (count, _query, { headers }) =>
          headers.authorization === "Bearer viewer-token-of-the-tests"
            ? { headers: { "Content-Type": "text/plain" }, body: metrics(count === 1 ? 0 : count) }
            : { status: 401 },
      }),
      env: { EDGE_LIMITER_TOKEN: "viewer-token-of-the-tests" },
    });
    expect(stdout).toContain("9.09 % of 220 requests failed, before 0.00 %");
    expect(stdout).not.toContain("viewer-token-of-the-tests");
    expect(deployed).toEqual([BEFORE, at(10), BEFORE]);
  });

  it("says exactly what to run if the roll-back fails", async () => {
    const { stdout, deployed, code } = await roll({
      replies: () => ({ "/health": { status: 500 } }),
      prepare: ({ rejectIf }) =>
        rejectIf((shares) =>
          UPLOADED in shares ? null : failure(500, 10013, "An unknown error has occurred"),
        ),
    });
    expect(deployed.at(-1)).toEqual(at(10));
    expect(stdout).toContain(`THE ROLL-BACK FAILED: version ${UPLOADED} may still serve requests.`);
    expect(stdout).toContain(`\n  npx wrangler versions deploy ${RAN_BEFORE}@100 -y\n`);
    expect(code).toBe(1);
  });

  it("stops without a change if somebody else has deployed meanwhile", async () => {
    const other = "77777777-2222-4333-8444-555555555555";
    const { stdout, deployed, code } = await roll({
      replies: ({ deploy }) => ({
        "/api/v1/rate-limit/status": (count) => {
          if (count === 50) deploy({ [other]: 100 });
          return { body: {} };
        },
      }),
    });
    expect(deployed, stdout).toEqual([BEFORE, at(10), { [other]: 100 }]);
    expect(stdout).toContain(`somebody else has deployed meanwhile: now 100 % for version ${other}`);
    expect(stdout).toContain("Not rolled back, since somebody else has deployed meanwhile");
    expect(code).toBe(1);
  });

  it("does not begin beside another one", async () => {
    const other = "77777777-2222-4333-8444-555555555555";
    const { stdout, deployed, cloudflare } = await roll({
      prepare: ({ deploy }) => deploy({ [RAN_BEFORE]: 90, [other]: 10 }),
    });
    expect(stdout).toContain("a gradual deployment is in progress");
    expect(stdout).toContain(`npx wrangler versions deploy ${RAN_BEFORE}@100 -y`);
    expect(deployed).toHaveLength(2);
    expect(
      cloudflare.filter((request) => request.startsWith("POST") && request.endsWith("/versions")),
    ).toEqual([]);
  });

  it("deploys a version that adds a class of objects in full, says so, and verifies it once", async () => {
    const { stdout, deployed, cloudflare, code } = await roll({ classes: CLASSES.slice(1) });
    expect(stdout).toContain(
      "Deploying in full: this version adds UserLimiter, and classes of objects cannot be shifted by shares.",
    );
    expect(deployed).toEqual([BEFORE]);
    expect(cloudflare.filter((request) => request.startsWith("PUT "))).toHaveLength(1);
    expect(stdout).toMatch(/Verify health at 10 %\n.*FAILED|Verify health at 10 %\n.*done/);
    expect(code).toBe(1);
  });

  it("is rejected for a version with a migration, since the version before could not read what it has written", async () => {
    const rollTagged = async (tag: string) => {
      await using cloudflare = await startVersions(CLASSES, tag);
      await using checkout = await makeCheckout({ wrangler: { ...BUILT, ...asks(cloudflare) } });
      await mkdir(join(checkout.root, "durable-objects", "user-limiter"), { recursive: true });
      const schema = 'export const MIGRATIONS = ["one", "two"];\n';
      await checkout.write("durable-objects/user-limiter/schema.ts", schema);
      await using target = await startTarget(PRODUCT);
      const args = [
        "--skip-checks",
        "--project",
        checkout.root,
        "--wait",
        "0",
        "--soak",
        "0",
        "--gradual",
        "100",
      ];
      const run = await runScript("deploy", [...args, "--target", target.url], {
        cloudflare: cloudflare.url,
      });
      return { ...run, deployed: cloudflare.deployed };
    };
    const rejected = await rollTagged("schema-1");
    expect(rejected.stdout).toContain("this version changes the storage of objects (schema 2, running 1)");
    expect(rejected.stdout).toContain("docs/deploy.md#migrations-in-two-deployments; nothing was uploaded");
    expect([rejected.deployed, rejected.code]).toEqual([[BEFORE], 1]);
    const accepted = await rollTagged("schema-2");
    expect([accepted.deployed, accepted.code], accepted.stdout).toEqual([[BEFORE, at(100)], 0]);
  });

  it("goes back if it is interrupted while it verifies", async () => {
    await using cloudflare = await startVersions(CLASSES);
    await using checkout = await makeCheckout({ wrangler: { ...BUILT, ...asks(cloudflare) } });
    await using target = await startTarget({ ...PRODUCT, "/health": { status: 503 } });
    const script = join(import.meta.dirname, "..", "..", "scripts", "deploy.ts");
    const args = ["--skip-checks", "--project", checkout.root, "--wait", "3000", "--target", target.url];
    const child = spawn(process.execPath, [script, ...args, "--gradual", "10,100"], {
      env: {
        ...process.env,
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_CACHE_DIR: join(checkout.root, "cache"),
        CLOUDFLARE_API_BASE_URL: `${cloudflare.url}/client/v4`,
        CLOUDFLARE_API_TOKEN: "not-a-real-token",
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (!output.includes("waiting:") && (output + text).includes("waiting:")) child.kill("SIGINT");
      output += text;
    });
    const [code] = await once(child, "close");
    expect(cloudflare.deployed, output).toEqual([BEFORE, at(10), BEFORE]);
    expect(output).toContain("interrupted by a signal");
    expect(output).toContain(`Rolled back: all requests go to version ${RAN_BEFORE}.`);
    expect(code).toBe(1);
  });

  it("uploads nothing without the product's URL, nor with --dry-run", async () => {
    await using cloudflare = await startVersions(CLASSES);
    await using checkout = await makeCheckout({ wrangler: { ...BUILT, ...asks(cloudflare) } });
    const args = ["--skip-checks", "--project", checkout.root, "--gradual", "100"];
    const run = await runScript("deploy", args, { cloudflare: cloudflare.url });
    expect(run.stdout).toContain("wrangler.toml has no route, so the product's URL is unknown");
    expect(run.code).toBe(1);
    const dry = await runScript("deploy", [...args, "--dry-run"], { cloudflare: cloudflare.url });
    expect(dry.stdout).toContain("Shift 100 % of the requests\n      skipped: --dry-run");
    expect(dry.code).toBe(0);
    expect([cloudflare.deployed, uploadsOf(cloudflare)]).toEqual([[BEFORE], []]);
  });
});

describe("the shares", () => {
  it.each<[text: string, shares: number[]]>([
    ["100", [100]],
    ["1,2,100", [1, 2, 100]],
    ["10, 50, 100", [10, 50, 100]],
  ])("may be %s", (text, shares) => {
    expect(readShares(text)).toEqual(shares);
  });

  it.each([
    "",
    "10",
    "50,10,100",
    "10,10,100",
    "0,100",
    "10,100,200",
    "10,,100",
    "-1,100",
    "1.5,100",
    "ten,100",
    "100,100",
  ])("must increase and end with 100: %s", (text) => {
    expect(() => readShares(text)).toThrow(
      "--gradual must be increasing whole percentages that end with 100",
    );
  });
});

it("the traffic is the sum of all requests, and those of them that failed", () => {
  const text = `# TYPE edge_limiter_requests_total counter
edge_limiter_requests_total{route="/a",tier="free",outcome="allowed",reason="ok",source="lease"} 10
edge_limiter_requests_total{route="/b",tier="",outcome="error",reason="upstream",source="none"} 2
edge_limiter_requests_total{route="/b",tier="pro",outcome="denied",reason="error",source="strict"} 3
edge_limiter_cost_total{route="/a"} 99`;
  expect(readTraffic(text)).toEqual({ requests: 15, errors: 2 });
});

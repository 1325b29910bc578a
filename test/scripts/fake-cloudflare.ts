/** A fake of the parts of Cloudflare's API that wrangler calls to deploy this project. Accepts any token, stores nothing. */
import * as z from "zod/mini";
import type { WranglerReplies } from "./checkout.ts";
import { type FakeServer, type Replies, type Reply, startServer } from "./fake-target.ts";

const ACCOUNT = "/client/v4/accounts/a1";
const SCRIPT = `${ACCOUNT}/workers/scripts/edge-limiter`;

export const RAN_BEFORE = "11111111-2222-4333-8444-555555555555";
export const UPLOADED = "99999999-2222-4333-8444-555555555555";
/** A host that never resolves, so that a deployment cannot be verified. */
export const HOST = "edge-limiter.acme.invalid";

export const success = <T>(result: T) => ({
  body: { success: true, errors: [], messages: [], result, result_info: { page: 1, total_pages: 1 } },
});
export const failure = (status: number, code: number, message: string): Reply => ({
  status,
  body: { success: false, errors: [{ code, message }], messages: [], result: null },
});

/** Wrangler requests pages until one is empty. */
const paged =
  (rows: readonly object[]) =>
  (_count: number, query: URLSearchParams): Reply =>
    success((query.get("page") ?? "1") === "1" ? rows : []);

const subdomain = { enabled: true, previews_enabled: true, url: `https://${HOST}` };

const DEPLOYED: Replies = {
  "/client/v4/user": success({ id: "u1", email: "user@example.com" }),
  "/client/v4/user/tokens/verify": success({ id: "t1", status: "active" }),
  "/client/v4/accounts": success([{ id: "a1", name: "Acme" }]),
  "/client/v4/memberships": success([{ id: "m1", account: { id: "a1", name: "Acme" } }]),
  [`${SCRIPT}/secrets`]: success([{ name: "ADMIN_TOKEN", type: "secret_text" }]),
  [`${SCRIPT}/settings`]: success({
    bindings: [{ name: "CONFIG", type: "kv_namespace", namespace_id: "k1" }],
  }),
  [`${SCRIPT}/deployments`]: success({
    deployments: [
      {
        id: "d1",
        created_on: "2026-11-01T00:00:00Z",
        versions: [{ version_id: RAN_BEFORE, percentage: 100 }],
      },
    ],
  }),
  [`${SCRIPT}/subdomain`]: success(subdomain),
  [`PUT ${SCRIPT}`]: success({ id: UPLOADED, deployment_id: UPLOADED, startup_time_ms: 3, tag: "tag" }),
  [`GET ${ACCOUNT}/storage/kv/namespaces`]: paged([{ id: "k1", title: "edge-limiter-config" }]),
  [`${ACCOUNT}/workers/subdomain`]: success({ subdomain: "acme" }),
  [`${ACCOUNT}/workers/workers/edge-limiter`]: success({ subdomain }),
  [`${ACCOUNT}/workers/services/edge-limiter`]: success({
    default_environment: {
      environment: "production",
      script: { tag: "tag", tags: [], last_deployed_from: "wrangler" },
    },
  }),
};

/** An account without the Worker. */
export const NEW_WORKER: Replies = {
  [`${SCRIPT}/secrets`]: failure(404, 10007, "This Worker does not exist on your account."),
  [`${SCRIPT}/deployments`]: failure(404, 10007, "This Worker does not exist on your account."),
  [`${SCRIPT}/settings`]: failure(404, 10007, "This Worker does not exist on your account."),
  [`GET ${ACCOUNT}/storage/kv/namespaces`]: success([]),
  [`POST ${ACCOUNT}/storage/kv/namespaces`]: success({ id: "k1", title: "edge-limiter-config" }),
  [`${ACCOUNT}/workers/services/edge-limiter`]: failure(404, 10090, "workers.api.error.service_not_found"),
};

/** A login with two accounts. */
const TWO = [
  { id: "a1", name: "Acme" },
  { id: "a2", name: "Other" },
];
export const TWO_ACCOUNTS: Replies = {
  "/client/v4/accounts": success(TWO),
  "/client/v4/memberships": success(TWO.map((account) => ({ id: `m-${account.id}`, account }))),
};

/** An account with the namespace of a deleted Worker. */
export const LEFTOVER_NAMESPACE: Replies = {
  ...NEW_WORKER,
  [`POST ${ACCOUNT}/storage/kv/namespaces`]: failure(
    400,
    10014,
    "a namespace with this account ID and title already exists",
  ),
};

export function startCloudflare(replies: Replies = {}): Promise<FakeServer> {
  return startServer({ ...DEPLOYED, ...replies });
}

const STAND_IN = "/stand-in";

/** The stand-in for wrangler asks the fake Cloudflare itself: for tests of what is deployed when, not of how wrangler does it. */
export const asks = (cloudflare: FakeServer): WranglerReplies =>
  Object.fromEntries(
    ["deployments status", "versions view", "versions upload", "versions deploy"].map((command) => [
      command,
      `${cloudflare.url}${STAND_IN}`,
    ]),
  );

/** A deployment as Cloudflare has it: percent of the requests, by version. */
export type FakeShares = Readonly<Record<string, number>>;

/**
 * An account whose versions can be shifted: a fake Cloudflare that remembers the deployment.
 * @param classes of objects that the running version has.
 * @param tag of the running version.
 */
export async function startVersions(classes: readonly string[], tag = "") {
  const deployed: FakeShares[] = [{ [RAN_BEFORE]: 100 }];
  /** Rejects a deployment; null: does not. */
  let rejects: (shares: FakeShares) => Reply | null = () => null;
  const versions = () =>
    Object.entries(deployed.at(-1) ?? {}).map(([version_id, percentage]) => ({ version_id, percentage }));
  const bindings = classes.map((class_name) => ({
    type: "durable_object_namespace",
    name: class_name,
    class_name,
  }));
  const version = (id: string) =>
    success({
      id,
      number: 1,
      metadata: { created_on: "2026-11-01T00:00:00Z", author_email: "user@example.com", source: "wrangler" },
      annotations: tag === "" ? {} : { "workers/tag": tag },
      resources: { bindings, script: {}, script_runtime: {} },
    });
  const body = z.object({
    versions: z.array(z.object({ version_id: z.string(), percentage: z.number() })),
  });
  const cloudflare = await startCloudflare({
    [`GET ${SCRIPT}/deployments`]: () =>
      success({ deployments: [{ id: "d1", created_on: "2026-11-01T00:00:00Z", versions: versions() }] }),
    [`POST ${SCRIPT}/deployments`]: (_count, _query, received) => {
      const asked = body.parse(JSON.parse(received.body)).versions;
      const shares = Object.fromEntries(asked.map(({ version_id: id, percentage }) => [id, percentage]));
      const rejection = rejects(shares);
      if (rejection !== null) return rejection;
      deployed.push(shares);
      return success({ id: "d2" });
    },
    [`GET ${SCRIPT}/versions`]: success({ items: [] }),
    [`GET ${SCRIPT}/versions/${RAN_BEFORE}`]: version(RAN_BEFORE),
    [`GET ${SCRIPT}/versions/${UPLOADED}`]: version(UPLOADED),
    [`POST ${SCRIPT}/versions`]: success({
      id: UPLOADED,
      startup_time_ms: 3,
      metadata: { has_preview: false },
    }),
    [`${SCRIPT}/script-settings`]: success({}),
    // What the stand-in for wrangler asks for each command.
    [STAND_IN]: (_count, query): Reply => {
      const args = (query.get("args") ?? "").split(" ");
      const command = args.slice(0, 2).join(" ");
      if (command === "deployments status")
        return { body: { stdout: JSON.stringify({ versions: versions() }) } };
      if (command === "versions view")
        return { body: { stdout: JSON.stringify(version(args[2] ?? "").body.result) } };
      if (command === "versions upload")
        return { body: { events: [{ type: "version-upload", version_id: UPLOADED }] } };
      const specs = args.filter((arg) => /^[\da-f-]{36}@\d+$/.test(arg)).map((spec) => spec.split("@"));
      const shares = Object.fromEntries(specs.map(([id = "", share]) => [id, Number(share)]));
      if (rejects(shares) !== null)
        return { body: { code: 1, stdout: "[ERROR] Cloudflare has rejected it" } };
      deployed.push(shares);
      return { body: {} };
    },
  });
  return {
    ...cloudflare,
    deployed,
    /** Deploys as somebody else does. */
    deploy: (shares: FakeShares): void => void deployed.push(shares),
    rejectIf: (rejection: typeof rejects): void => void (rejects = rejection),
    [Symbol.asyncDispose]: () => cloudflare[Symbol.asyncDispose](),
  };
}

/** The uploads among the requests. */
export function uploadsOf({ requests }: FakeServer): readonly string[] {
  return requests.filter((request) => request.startsWith("PUT "));
}

/** A fake of the parts of Cloudflare's API that wrangler calls to deploy this project. Accepts any token, stores nothing. */
import { type FakeServer, type Replies, type Reply, startServer } from "./fake-target.ts";

const ACCOUNT = "/client/v4/accounts/a1";
const SCRIPT = `${ACCOUNT}/workers/scripts/edge-limiter`;

export const RAN_BEFORE = "11111111-2222-4333-8444-555555555555";
export const UPLOADED = "99999999-2222-4333-8444-555555555555";
/** A host that never resolves, so that a deployment cannot be verified. */
export const HOST = "edge-limiter.acme.invalid";

export const success = (result: unknown): Reply => ({
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

/** The uploads among the requests. */
export function uploadsOf({ requests }: FakeServer): readonly string[] {
  return requests.filter((request) => request.startsWith("PUT "));
}

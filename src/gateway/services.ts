/** What the edge's handlers work with: made once per isolate from the environment, shared by all requests as plain objects. */
import { type AdminCredentials, createAdminCredentials } from "../identity/admin/admin-credentials.ts";
import type { Credentials } from "../identity/authenticate.ts";
import { JwtVerifier } from "../identity/jwt.ts";
import { KeyStore } from "../identity/key-store.ts";
import { Limiter } from "../limiter/limiter.ts";
import { registrySource } from "../limiter/registry.ts";
import { createLog, type Log } from "../log.ts";
import type { Parsed } from "../policy/fault.ts";
import { PolicyStore } from "../policy/policy-store.ts";
import { readSettings, type Settings } from "../settings.ts";

export interface Services {
  readonly settings: Settings;
  readonly log: Log;
  readonly policies: PolicyStore;
  readonly credentials: Credentials;
  readonly admin: AdminCredentials;
  readonly limiter: Limiter;
}

/** Faults where the environment is misconfigured: better no answer than a wrong one. */
export function createServices(env: Env): Parsed<Services> {
  const parsed = readSettings(env);
  if (!parsed.ok) return parsed;
  const settings = parsed.value;
  const log = createLog(settings.logLevel);
  const services: Services = {
    settings,
    log,
    policies: new PolicyStore(env.CONFIG, log, registrySource(env.POLICY_REGISTRY)),
    credentials: {
      keys: new KeyStore(env.CONFIG, log),
      jwt: settings.jwt && new JwtVerifier(settings.jwt, log),
    },
    admin: createAdminCredentials(settings.admin, log),
    limiter: new Limiter(env.USER_LIMITER, settings.limiterTimeoutMs, log),
  };
  return { ok: true, value: services };
}

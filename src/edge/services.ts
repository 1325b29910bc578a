/** The services that handlers use: made once per isolate from the environment and shared by all its requests. */
import { DecisionLog } from "./decision-log.ts";
import { version } from "../../package.json";
import { countKeys, countPolicies, countReloads } from "../analytics/metrics/instruments.ts";
import { MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import type { ReportBackend } from "../analytics/reports/report-answer.ts";
import { hubOf } from "../objects/metrics-hub.ts";
import { Recorder } from "../analytics/recorder.ts";
import type { FontFiles } from "../documents/pdf-pages.ts";
import type { AdminCredentials } from "../identity/admin/admin-credentials.ts";
import type { Credentials } from "../identity/authenticate.ts";
import { JwtVerifier } from "../identity/jwt.ts";
import { KeyStore } from "../identity/key-store.ts";
import { Limiter } from "../limiter/limiter.ts";
import { placed } from "../objects/jurisdiction.ts";
import { registrySource } from "../objects/policy-registry.ts";
import { createLog, type Log } from "../log.ts";
import type { Parsed } from "../policy/fault.ts";
import { PolicyStore } from "../policy/policy-store.ts";
import { readSettings, type Settings } from "../settings.ts";
import type { WaitUntil } from "../wait-until.ts";
import { type Shields, shieldsOf } from "./shields.ts";

export interface Services {
  readonly settings: Settings;
  readonly log: Log;
  readonly decisions: DecisionLog;
  /** Counted by this isolate and not yet reported to the hub. */
  readonly metrics: MetricDeltas;
  readonly policies: PolicyStore;
  readonly credentials: Credentials;
  /** Null: none is bound. */
  readonly shields: Shields | null;
  readonly limiter: Limiter;
  readonly recorder: Recorder;
}

/** The fonts of PDFs, from the assets. */
export interface PdfFontFiles {
  /** @param base any URL of this host. */
  read(assets: Fetcher, base: string): Promise<FontFiles>;
}

/** The services that only the admin API uses: made when an isolate loads it. */
export interface AdminServices extends AdminCredentials {
  /** Null: decisions go to Analytics Engine only, and no token for reading it is configured. */
  readonly reports: ReportBackend | null;
  /** The metrics of all isolates in Prometheus' text format. Rejects if a hub does not answer. */
  readonly scrape: (nowMs: number) => Promise<string>;
}

/**
 * Returns faults if the environment is misconfigured: no decision is better than a wrong one. Throws if the runtime lacks the jurisdiction.
 * @param waitUntil lets work of the current request end although its client has left.
 */
export function createServices(unplaced: Env, waitUntil?: WaitUntil): Parsed<Services> {
  const parsed = readSettings(unplaced);
  if (!parsed.ok) return parsed;
  const env = placed(unplaced);
  const settings = parsed.value;
  const log = createLog(settings.logLevel);
  const metrics = new MetricDeltas();
  metrics.set("buildInfo", [version], 1);
  const shields = shieldsOf(env, metrics, log);
  if (!shields.ok) return shields;
  const services: Services = {
    settings,
    log,
    decisions: new DecisionLog(log, settings.logLevel, settings.addressDetail),
    metrics,
    policies: new PolicyStore(
      env.CONFIG,
      log,
      registrySource(env.POLICY_REGISTRY),
      countReloads(metrics),
      countPolicies(metrics),
    ),
    credentials: {
      keys: new KeyStore(env.CONFIG, log, countKeys(metrics)),
      jwt: settings.jwt && new JwtVerifier(settings.jwt, log, waitUntil),
    },
    shields: shields.value,
    limiter: new Limiter(env.USER_LIMITER, settings.limiterTimeoutMs, log, metrics),
    recorder: new Recorder(
      {
        engine: settings.analytics === "embedded" ? null : env.ANALYTICS_ENGINE,
        // A hub of an older version returns nothing.
        hub: async (batch) => (await hubOf(env.METRICS_HUB, batch.isolate).record(batch)) === true,
        embedded: settings.analytics !== "engine",
      },
      metrics,
      log,
      settings.analyticsDelayMs,
      settings.addressDetail,
    ),
  };
  return { ok: true, value: services };
}

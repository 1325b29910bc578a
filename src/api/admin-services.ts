/** Makes the services that only the admin API uses. */
import { scrape } from "../analytics/metrics/scrape.ts";
import { reportBackend } from "../analytics/reports/report-backends.ts";
import type { AdminServices, Services } from "../edge/services.ts";
import { createAdminCredentials } from "../identity/admin/admin-credentials.ts";
import { allHubs, firstHub } from "../objects/metrics-hub.ts";
import type { WaitUntil } from "../wait-until.ts";

/** @param waitUntil lets work of the current request end although its client has left. */
export function createAdminServices(
  { settings, log }: Services,
  env: Env,
  waitUntil?: WaitUntil,
): AdminServices {
  return {
    ...createAdminCredentials(settings.admin, log, waitUntil),
    reports: reportBackend(settings, () => firstHub(env.METRICS_HUB)),
    scrape: (nowMs) => scrape(allHubs(env.METRICS_HUB), nowMs),
  };
}

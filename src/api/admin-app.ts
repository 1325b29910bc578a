/** The admin API's app. src/modules/admin.mjs is built from this file, and an isolate loads it on first use. */
import type { Services } from "../edge/services.ts";
import type { WaitUntil } from "../wait-until.ts";
import { ADMIN_ACCESS } from "./admin-access.ts";
import { ADMIN_ROUTES } from "./admin-contract.ts";
import { createAdminServices } from "./admin-services.ts";
import { api, withNotFound } from "./api.ts";
import type { App } from "./caller-app.ts";
import { PdfFonts } from "./documents/pdf-fonts.ts";

/**
 * Builds the app, once per isolate.
 * @param waitUntil lets work of the current request end although its client has left.
 */
export function adminApp(services: Services, env: Env, waitUntil?: WaitUntil): App {
  const admin = createAdminServices(services, env, waitUntil);
  const pdfFonts = new PdfFonts();
  const app = api(services, ADMIN_ROUTES, ADMIN_ACCESS, (first) => {
    first.use(async (c, next) => {
      c.set("admin", admin);
      c.set("pdfFonts", pdfFonts);
      return next();
    });
  });
  return withNotFound(app);
}

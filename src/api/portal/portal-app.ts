/** The app of the customers' portal: its API and its page. src/modules/portal.mjs is built from this file, and an isolate loads it on first use. */
import type { Services } from "../../edge/services.ts";
import { PORTAL_TREE, RESERVED_TREES } from "../../policy/route-table.ts";
import { api, withNotFound } from "../api.ts";
import type { App } from "../caller-app.ts";
import { PdfFonts } from "../documents/pdf-fonts.ts";
import { PORTAL_PATHS } from "../endpoint.ts";
import { BEFORE_PORTAL, PORTAL_ACCESS } from "./portal-access.ts";
import { PORTAL_ROUTES } from "./portal-contract.ts";

const TREES = [...RESERVED_TREES, PORTAL_TREE];

/** Builds the app, once per isolate. The page's paths must reach it only if the policy has a portal. */
export function portalApp(services: Services): App {
  const pdfFonts = new PdfFonts();
  const app = api(
    services,
    PORTAL_ROUTES,
    PORTAL_ACCESS,
    (first) => {
      for (const path of PORTAL_PATHS) {
        first.use(path, ...BEFORE_PORTAL, async (c, next) => {
          c.set("pdfFonts", pdfFonts);
          return next();
        });
      }
    },
    TREES,
  );
  return withNotFound(app, TREES);
}

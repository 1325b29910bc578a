/** The type of the edge's Hono context: the Worker's bindings, and what each step leaves for the next. */
import type { Actor } from "../identity/admin/role.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { Policy } from "../policy/compile.ts";
import type { PortalVisit } from "./portal-visit.ts";
import type { AdminServices, PdfFontFiles, Services } from "./services.ts";

export interface AppEnv {
  Bindings: Env;
  Variables: {
    services: Services;
    requestId: string;
    /** Set by `withPolicy`. */
    policy: Policy;
    /** Set by `withCaller`. */
    caller: Caller;
    /** Set once reports have the request: then an error is not recorded again. */
    isRecorded: true;
    /** The gateway's pipeline, which answers an admitted request instead of forwarding it. Set on endpoints for proxies. */
    authorized: (request: Request, env: Env, ctx: Pick<ExecutionContext, "waitUntil">) => Promise<Response>;
    /** Set on endpoints of the admin API. */
    admin: AdminServices;
    /** The administrator. Set on endpoints of the admin API. */
    actor: Actor;
    /** Who makes a change, for the audit trail. Set on endpoints of the admin API and of the portal. */
    author: string;
    /** The fonts of PDFs. Set on endpoints of the admin API and of the portal. */
    pdfFonts: PdfFontFiles;
    /** The customer's session. Set on endpoints of the portal that need one. */
    portal: PortalVisit;
  };
}

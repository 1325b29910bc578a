/** Replies of the stand-in for wrangler, as the real one prints them. Any stand-in prints its version, too. */
import type { WranglerReplies } from "./checkout.ts";

/** Every command does nothing and succeeds. */
export const IDLE: WranglerReplies = { "": "" };

/** The build succeeds. */
export const BUILT: WranglerReplies = { "deploy --dry-run": "" };

/** A login with one account. */
export const LOGGED_IN: WranglerReplies = {
  "whoami --json": json({
    loggedIn: true,
    authType: "Account API Token",
    accounts: [{ id: "a1", name: "Acme" }],
  }),
};

/** The account has the namespace. */
export const NAMESPACE: WranglerReplies = {
  "kv namespace list": json([{ id: "k1", title: "edge-limiter-config" }]),
};

/** The Worker has its secret. */
export const SECRETS: WranglerReplies = {
  "secret list": json([{ name: "ADMIN_TOKEN", type: "secret_text" }]),
};

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

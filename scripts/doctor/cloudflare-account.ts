/** The Cloudflare login that wrangler uses. Runs `wrangler whoami` at most once. */
import { firstError, runWrangler } from "./command.ts";
import { isFields, parsed, rowsOf, textIn } from "./fields.ts";

export type Login =
  | { readonly kind: "logged-in"; readonly by: string; readonly accounts: readonly string[] }
  | { readonly kind: "logged-out" }
  | { readonly kind: "unanswered"; readonly reason: string };

export class CloudflareAccount {
  readonly #root: string;
  #login: Promise<Login> | null = null;

  constructor(root: string) {
    this.#root = root;
  }

  login(): Promise<Login> {
    return (this.#login ??= askLogin(this.#root));
  }
}

async function askLogin(root: string): Promise<Login> {
  const ran = await runWrangler(root, ["whoami", "--json"]);
  const user = parsed(ran.stdout);
  if (!isFields(user)) return { kind: "unanswered", reason: firstError(ran) };
  if (user["loggedIn"] !== true) return { kind: "logged-out" };
  const accounts = rowsOf(user["accounts"]).map((row) => `${textIn(row, "name")} (${textIn(row, "id")})`);
  return { kind: "logged-in", by: textIn(user, "authType") ?? "wrangler", accounts };
}

/** Checks the upstreams that the checkout configures: UPSTREAM, and those of the policy that ships. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CheckContext, type CheckOutcome, few, ok, skipped, warn } from "./check.ts";
import { LOCAL_SECRETS, POLICY } from "./configuration-checks.ts";
import { readConfiguration, readSecrets, variablesOf } from "./configuration.ts";
import { isFields, parsed, rowsOf, textIn } from "./fields.ts";
import { isThisMachine } from "./target.ts";

/**
 * Every upstream that is doubtful is only a warning: the gateway may run on a route in front of the same host's own server. A
 * missing one, too: the decision API works without one.
 */
export async function upstream({ root, place, target, secretsFile }: CheckContext): Promise<CheckOutcome> {
  const file = place === "local" ? join(root, LOCAL_SECRETS) : secretsFile;
  const secrets = (file === null ? null : await readSecrets(file)) ?? {};
  // npm start ignores UPSTREAM of wrangler.toml.
  const variables = place === "local" ? {} : variablesOf(await readConfiguration(root));
  const configured = secrets["UPSTREAM"] ?? variables["UPSTREAM"] ?? "";
  const document = parsed(await readFile(join(root, POLICY), "utf8").catch(() => ""));
  const routes = rowsOf(isFields(document) ? document["routes"] : null);
  const upstreams = [
    { name: "UPSTREAM", address: configured },
    ...routes.map((route) => ({
      name: `${POLICY}: upstream of ${textIn(route, "match")}`,
      address: textIn(route, "upstream") ?? "",
    })),
  ];
  const doubts: string[] = [];
  for (const { name, address } of upstreams) {
    const doubt = await doubtOf(address, target?.url ?? null, place);
    if (doubt !== null) doubts.push(`${name} ${doubt}`);
  }
  if (doubts.length > 0) return warn(few(doubts), "name the address of your API's own server");
  if (place === "local" && !configured) return skipped("npm start forwards to the demo origin");
  if (configured) return ok(place === "local" ? `${LOCAL_SECRETS} sets UPSTREAM` : configured);
  const without = routes.filter((route) => textIn(route, "upstream") === null);
  if (without.length === 0) return ok("every route names its own upstream");
  return warn(
    `UPSTREAM is empty and ${without.length} routes name no upstream: the gateway answers their requests with 502`,
    'set UPSTREAM = "https://your-api.example" under [vars] in wrangler.toml',
  );
}

/** Why an upstream is doubtful for the product at `own`, or null. */
async function doubtOf(
  address: string,
  own: URL | null,
  place: CheckContext["place"],
): Promise<string | null> {
  const { upstreamWarning } = await import("../../src/policy/upstream-address.ts");
  if (place === "deployed") return upstreamWarning(address, own?.host ?? "");
  // Here, private addresses can be reached, and several names are this machine.
  const url = URL.parse(address);
  const isOwn = url && own && isThisMachine(url) && isThisMachine(own) && url.port === own.port;
  return isOwn ? upstreamWarning(address, url.host) : null;
}

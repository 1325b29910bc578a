/** The arguments of `npm run load`. Pure: what is wrong is told, nothing is started. */
import { parseArgs } from "node:util";

export interface LoadOptions {
  readonly scenario: string;
  readonly profile: "short" | "full";
  /** A limiter that runs already; null: one is started. */
  readonly url: URL | null;
  readonly changePolicy: boolean;
  /** Where reports go; null: .load/<scenario>. */
  readonly out: string | null;
}

export type ReadOptions =
  | { readonly kind: "run"; readonly options: LoadOptions }
  | { readonly kind: "help" }
  | { readonly kind: "find-k6" }
  | { readonly kind: "fault"; readonly message: string };

export function usage(scenarios: readonly string[]): string {
  return `npm run load -- <scenario> [--profile short|full] [--url <limiter>] [--change-policy] [--out <directory>]

Scenarios: ${scenarios.join(", ")}

Without --url the product is started here, in a directory of its own, on a free port. With --url, ADMIN_TOKEN must be set;
the run makes accounts of its own and deletes them; some scenarios need tiers of their own, which --change-policy
adds for the time of the run. --find-k6 only says which k6 would be used. LOAD_PATH is what is asked for (/identify), LOAD_P95_MS the bound of the 95th percentile.`;
}

export function readLoadOptions(args: readonly string[], scenarios: readonly string[]): ReadOptions {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        profile: { type: "string", default: "short" },
        url: { type: "string" },
        out: { type: "string" },
        "change-policy": { type: "boolean", default: false },
        "find-k6": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (thrown) {
    return fault(thrown instanceof Error ? thrown.message : String(thrown));
  }
  const { values, positionals } = parsed;
  if (values.help) return { kind: "help" };
  if (values["find-k6"]) return { kind: "find-k6" };
  const [scenario, ...others] = positionals;
  if (scenario === undefined) return fault("name a scenario");
  if (others.length > 0) return fault(`one scenario at a time, not also ${others.join(" ")}`);
  if (!scenarios.includes(scenario)) return fault(`there is no scenario ${scenario}`);
  const { profile } = values;
  if (profile !== "short" && profile !== "full") return fault(`--profile is short or full, not ${profile}`);
  const url = values.url === undefined ? null : URL.parse(values.url);
  if (values.url !== undefined && (url === null || !/^https?:$/.test(url.protocol))) {
    return fault(`--url is no http or https URL: ${values.url}`);
  }
  const changePolicy = values["change-policy"];
  return { kind: "run", options: { scenario, profile, url, changePolicy, out: values.out ?? null } };
}

function fault(message: string): ReadOptions {
  return { kind: "fault", message };
}

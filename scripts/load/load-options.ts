/** Parses the arguments of `npm run load`. Pure: a usage error is a value. */
import { parseArgs } from "node:util";

export interface LoadOptions {
  readonly scenario: string;
  readonly profile: "short" | "full";
  /** A running limiter; null to start one. */
  readonly url: URL | null;
  readonly changePolicy: boolean;
  /** Directory of the reports; null for .load/<scenario>. */
  readonly out: string | null;
}

export type ReadOptions =
  | { readonly kind: "run"; readonly options: LoadOptions }
  | { readonly kind: "help" }
  | { readonly kind: "find-k6" }
  | { readonly kind: "fault"; readonly message: string };

export function usage(scenarios: readonly string[]): string {
  return `npm run load -- <scenario> [options]

Scenarios: ${scenarios.join(", ")}

  --profile short|full   short takes about 20 s, full from a minute to an hour (default: short)
  --url <limiter>        use a running limiter; ADMIN_TOKEN must be set. The run creates accounts and deletes them.
                         Without --url, the product is started on a free port, in a temporary directory
  --change-policy        with --url: let scenarios that need extra tiers add them for the duration of the run
  --out <directory>      where to write the reports (default: .load/<scenario>)
  --find-k6              only print which k6 would be used
  --help                 print this help

Environment: LOAD_PATH, the path to request (/identify); LOAD_P95_MS, the bound of the 95th percentile; K6_BIN, k6 itself.`;
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
  if (scenario === undefined) return fault("no scenario given: name one");
  if (others.length > 0) return fault(`one scenario at a time: unexpected ${others.join(" ")}`);
  if (!scenarios.includes(scenario)) {
    return fault(`unknown scenario "${scenario}" (known: ${scenarios.join(", ")})`);
  }
  const { profile } = values;
  if (profile !== "short" && profile !== "full") {
    return fault(`--profile must be short or full, not "${profile}"`);
  }
  const url = values.url === undefined ? null : URL.parse(values.url);
  if (values.url !== undefined && (url === null || !/^https?:$/.test(url.protocol))) {
    return fault(`--url must be an http or https URL, not "${values.url}"`);
  }
  const changePolicy = values["change-policy"];
  return { kind: "run", options: { scenario, profile, url, changePolicy, out: values.out ?? null } };
}

function fault(message: string): ReadOptions {
  return { kind: "fault", message };
}

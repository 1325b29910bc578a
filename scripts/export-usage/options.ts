/** The command line and the environment of `npm run export:usage`. */
import { parseArgs } from "node:util";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { localUrl } from "../local-port.ts";
import { isThisMachine } from "../doctor/target.ts";
import { ClickHouseDestination } from "./clickhouse.ts";
import type { Destination } from "./destination.ts";
import { shownUrl, UsageFault } from "./failure.ts";
import { FileDestination } from "./file.ts";
import { type Environment, InfluxDestination } from "./influx.ts";
import { OpenMeterDestination } from "./openmeter.ts";
import { PostgresDestination } from "./postgres.ts";
import type { Start } from "./source.ts";
import { defaultStateFile, StateFile } from "./state-file.ts";

export const HELP = `npm run export:usage -- --to <destination> --url <url> [options]

Exports the usage of all accounts, by hour, route and key, from the ledgers to a database. Only frozen hours, which never
change: the last two to three hours follow later. Each run resumes where the last one ended. docs/export.md says more.

  --to <destination>   postgres, influx, clickhouse, openmeter or file
  --url <url>          the destination (also: EXPORT_URL)
                         postgres    postgres://user@host:5432/database
                         influx      http://host:8086/?db=usage (1.x), https://host/?org=acme&bucket=usage (2.x)
                         clickhouse  http://host:8123/?database=usage
                         openmeter   https://openmeter.cloud
                         file        a directory
  --product <url>      Edge Limiter (default: http://localhost:<PORT>)
  --from <time>        export a range again instead: from this hour on, such as 2026-11-01 or 2026-11-01T09:00:00Z
  --to-hour <time>     until this hour, exclusive (default: the first hour that is not frozen)
  --account <id>       only this user, who need not have an account
  --restart            forget the progress, and begin at the beginning
  --dry-run            read and count everything, write nothing
  --schema <name>      postgres: of the tables (default: edge_limiter)
  --state <file>       influx, openmeter, file: where the progress is kept
  --gzip               file: compress
  --page <cells>       cells of a page, 1 to 10000 (default: 2000)
  --help               print this help

Credentials come from the environment alone: ADMIN_TOKEN for Edge Limiter (the role viewer is enough), PGPASSWORD,
INFLUX_TOKEN or INFLUX_USER and INFLUX_PASSWORD, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD, OPENMETER_TOKEN.

Exit codes: 0 all is exported, 1 failed (run it again: it resumes), 2 wrong options, 130 interrupted (run it again).
`;

export const DESTINATIONS = ["postgres", "influx", "clickhouse", "openmeter", "file"] as const;
export type DestinationKind = (typeof DESTINATIONS)[number];

export interface Options {
  readonly product: URL;
  readonly destination: Destination;
  readonly start: Start;
  /** `all`, or the range's name. */
  readonly jobName: string;
  readonly isRestart: boolean;
  readonly isDryRun: boolean;
  readonly pageCells: number;
}

/** @returns null for --help. @throws UsageFault if an option is missing or wrong. */
export function readOptions(args: readonly string[], environment: Environment): Options | null {
  const values = parsedArgs(args);
  if (values.help) return null;
  const kind = DESTINATIONS.find((name) => name === values.to);
  if (kind === undefined) throw new UsageFault(`--to must be one of ${DESTINATIONS.join(", ")}`);
  const address = values.url ?? environment["EXPORT_URL"];
  if (!address) throw new UsageFault("--url is missing");
  const range = { from: hourOf(values.from, "--from"), to: hourOf(values["to-hour"], "--to-hour") };
  if (range.from !== undefined && range.to !== undefined && range.from >= range.to) {
    throw new UsageFault("--from must be before --to-hour");
  }
  const { account } = values;
  if (account !== undefined && !/^[\x21-\x7e]{1,200}$/.test(account)) {
    throw new UsageFault("--account must be a user's id");
  }
  const page = values.page ?? "2000";
  if (!/^([1-9]\d{0,3}|10000)$/.test(page)) throw new UsageFault("--page must be 1 to 10000");
  const isRange = range.from !== undefined || range.to !== undefined || account !== undefined;
  const name = `${range.from ?? "first"} to ${range.to ?? "frozen"}${account === undefined ? "" : ` of ${account}`}`;
  return {
    product: productOf(values.product),
    destination: destinationOf(kind, address, values, environment),
    start: {
      ...(range.from === undefined ? {} : { from: range.from }),
      ...(range.to === undefined ? {} : { to: range.to }),
      ...(account === undefined ? {} : { account }),
    },
    jobName: isRange ? name : "all",
    isRestart: values.restart,
    isDryRun: values["dry-run"],
    pageCells: Number(page),
  };
}

function parsedArgs(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        to: { type: "string" },
        url: { type: "string" },
        product: { type: "string" },
        from: { type: "string" },
        "to-hour": { type: "string" },
        account: { type: "string" },
        restart: { type: "boolean", default: false },
        "dry-run": { type: "boolean", default: false },
        schema: { type: "string" },
        state: { type: "string" },
        gzip: { type: "boolean", default: false },
        page: { type: "string" },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (thrown) {
    throw new UsageFault(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function productOf(given: string | undefined): URL {
  if (given === undefined) return localUrl();
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageFault("--product must be an http(s) URL");
  if (url.username || url.password)
    throw new UsageFault("--product must have no credential: set ADMIN_TOKEN");
  if (url.protocol === "http:" && !isThisMachine(url)) {
    throw new UsageFault("--product must be https, since the admin token would travel in the clear");
  }
  return url;
}

function destinationOf(
  kind: DestinationKind,
  address: string,
  values: ReturnType<typeof parsedArgs>,
  environment: Environment,
): Destination {
  const { schema, state, gzip } = values;
  if (schema !== undefined && kind !== "postgres") throw new UsageFault("--schema is for postgres");
  if (gzip && kind !== "file") throw new UsageFault("--gzip is for file");
  if (state !== undefined && (kind === "postgres" || kind === "clickhouse")) {
    throw new UsageFault(`--state is not for ${kind}, which keeps the progress itself`);
  }
  if (kind === "file")
    return new FileDestination(directoryOf(address), gzip, state === undefined ? null : resolve(state));
  const url = URL.parse(address);
  const isPostgres = kind === "postgres";
  if (
    url === null ||
    !(isPostgres ? /^postgres(ql)?:$/ : /^https?:$/).test(url.protocol) ||
    url.host === ""
  ) {
    const wanted = isPostgres ? "postgres://user@host:5432/database" : "an http(s) URL";
    // Not what was given: it may have a password.
    throw new UsageFault(`--url must be ${wanted}`);
  }
  if (isPostgres) return new PostgresDestination(url, schema ?? "edge_limiter");
  if (kind === "clickhouse") return new ClickHouseDestination(url, environment);
  const target = [
    kind,
    shownUrl(url),
    ...["db", "org", "bucket"].flatMap((name) => url.searchParams.get(name) ?? []),
  ].join(" ");
  const file = new StateFile(state === undefined ? defaultStateFile(target) : resolve(state), target);
  return kind === "influx"
    ? new InfluxDestination(url, environment, file)
    : new OpenMeterDestination(url, environment, file);
}

function directoryOf(address: string): string {
  return address.startsWith("file:") ? fileURLToPath(address) : resolve(address);
}

/** The hour of a time or a date, RFC 3339. */
function hourOf(given: string | undefined, name: string): string | undefined {
  if (given === undefined) return undefined;
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:00(:00)?Z)?$/.test(given);
  const ms = Date.parse(given.length === 17 ? given.replace("Z", ":00Z") : given);
  if (!isTime || Number.isNaN(ms)) {
    throw new UsageFault(
      `${name} must be a date or a full hour in UTC, such as 2026-11-01T09:00:00Z, not "${given}"`,
    );
  }
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

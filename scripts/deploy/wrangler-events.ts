/**
 * Reads wrangler's machine-readable events: lines of JSON in the file that WRANGLER_OUTPUT_FILE_PATH names. Its printed
 * output is for people and changes between versions.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandResult } from "../doctor/command.ts";
import { fieldsIn, isFields, parsed, textIn } from "../doctor/fields.ts";

export interface DeployEvent {
  /** Null for a dry run, or if wrangler stopped before the upload. */
  readonly versionId: string | null;
  /** The Worker's addresses: host names, some followed by a path or a note. */
  readonly targets: readonly string[];
  readonly gzipBytes: number | null;
}

export interface WranglerReport {
  readonly ran: CommandResult;
  readonly deployed: DeployEvent | null;
  /** Why the command failed. */
  readonly failure: string | null;
}

/** Runs a wrangler command with a file for its events and a folder for its output, and removes both afterwards. */
export async function withEvents(
  run: (environment: Readonly<Record<string, string>>, directory: string) => Promise<CommandResult>,
): Promise<WranglerReport> {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-deploy-"));
  try {
    const file = join(directory, "events.jsonl");
    const ran = await run({ WRANGLER_OUTPUT_FILE_PATH: file }, join(directory, "bundle"));
    const events = await readFile(file, "utf8").catch(() => "");
    return { ran, ...readEvents(events) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The last deployment, or upload of a version, and the last failure among the events. */
export function readEvents(text: string): Omit<WranglerReport, "ran"> {
  const events = text.split("\n").map(parsed).filter(isFields);
  const deploy = events.findLast(({ type }) => type === "deploy" || type === "version-upload");
  const failure = events.findLast((event) => event["type"] === "command-failed");
  return { deployed: deploy ? readDeployed(deploy) : null, failure: textIn(failure, "message") };
}

function readDeployed(event: Readonly<Record<string, unknown>>): DeployEvent {
  const targets = Array.isArray(event["targets"]) ? event["targets"] : [];
  const gzipBytes = fieldsIn(event, "bundle_size")["gzip_bytes"];
  return {
    versionId: textIn(event, "version_id"),
    targets: targets.filter((target) => typeof target === "string"),
    gzipBytes: typeof gzipBytes === "number" ? gzipBytes : null,
  };
}

/**
 * The first target that can receive requests: a host name, or a route that covers a whole host. Skips routes with a
 * wildcard in the host or with a path.
 */
export function urlOf(targets: readonly string[]): URL | null {
  for (const target of targets) {
    const host = /^(?:https?:\/\/)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?:\/\*?)?(?:\s|$)/i.exec(target)?.[1];
    if (host !== undefined) return new URL(`https://${host}`);
  }
  return null;
}

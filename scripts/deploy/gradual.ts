/**
 * A gradual deployment: uploads a version, gives it one share of the requests after the other, and verifies it at each. The steps of
 * `npm run deploy -- --gradual 10,50,100`; roll-back-shares.ts goes back if one of them fails.
 *
 * Never shifts anything if the shares are not those that it has set itself: somebody else is deploying, and knows why.
 */
import { isDeepStrictEqual } from "node:util";
import { type CommandResult, firstError, runWrangler } from "../doctor/command.ts";
import { type Configuration, readConfiguration } from "../doctor/configuration.ts";
import { fieldsIn, parsed, rowsOf, textIn } from "../doctor/fields.ts";
import { uploads } from "./prepare.ts";
import { type Deployment, done, failed, type Shares, skip, type Step, type StepResult } from "./step.ts";
import { schemaOf, schemaOfVersion, tagArguments } from "./storage-schema.ts";
import { currentShares, refused, upload, UPLOAD_TIMEOUT_MS } from "./upload.ts";
import { verifyDenial } from "./verify-denial.ts";
import { verifyErrors } from "./verify-errors.ts";
import { verifyHealth } from "./verify-health.ts";
import { urlOf, withEvents } from "./wrangler-events.ts";

/** Cloudflare routes a request with it to that version, if it is part of the deployment. */
const OVERRIDE_HEADER = "Cloudflare-Workers-Version-Overrides";

/** What wrangler or Cloudflare says if a version adds or removes a class of objects, which no two versions may differ in. */
const CLASS_CHANGE =
  /Durable Object migration|\bexports?\b.*(provision|identical|inconsistent)|unprovisioned export/is;

/**
 * Reads `10,50,100`.
 * @throws TypeError if it is no increasing list of percentages that ends with 100.
 */
export function readShares(text: string): number[] {
  const shares = text.split(",").map((part) => (/^\d{1,3}$/.test(part.trim()) ? Number(part) : Number.NaN));
  const isIncreasing = shares.every((share, i) => share > (shares[i - 1] ?? 0));
  if (isIncreasing && shares.at(-1) === 100) return shares;
  throw new TypeError(
    `--gradual must be increasing whole percentages that end with 100, such as 10,50,100, not "${text}"`,
  );
}

/** The steps after the build. */
export function gradualSteps(shares: readonly number[]): Step[] {
  return [
    { title: "Upload a version", isWhole: true, run: uploadVersion },
    ...shares.flatMap((share, i): Step[] => {
      // Once all requests go to the new version, nothing is left to watch for.
      const soaks = share < 100;
      // A version that was deployed in full is verified once.
      const unlessFull =
        (run: Step["run"]): Step["run"] =>
        async (deployment, say) =>
          i > 0 && deployment.shares.length === 0 ? skip(whySkipped(deployment)) : run(deployment, say);
      return [
        {
          title: `Shift ${share} % of the requests`,
          isWhole: true,
          run: (deployment, say) => shift(deployment, share, say),
        },
        { title: `Verify health at ${share} %`, run: unlessFull(verifyHealth) },
        { title: `Verify a real 429 at ${share} %`, run: unlessFull(verifyDenial) },
        {
          title: `Verify the error rate at ${share} %`,
          run: unlessFull((deployment, say) => verifyErrors(deployment, soaks, say)),
        },
      ];
    }),
  ];
}

function whySkipped({ options }: Deployment): string {
  return uploads(options) ? "deployed in full" : "--dry-run";
}

async function uploadVersion(deployment: Deployment, say: (line: string) => void): Promise<StepResult> {
  const { options } = deployment;
  const { root } = options;
  if (!uploads(options)) return skip(options.url ? "--url only verifies" : "--dry-run");
  const configuration = await readConfiguration(root);
  deployment.url = options.target ?? urlOf(patternsOf(configuration));
  if (deployment.url === null) {
    return failed(
      "wrangler.toml has no route, so the product's URL is unknown, and no share could be verified",
      "npm run deploy -- --gradual <shares> --target <the product's URL>; nothing was uploaded",
    );
  }
  const before = await currentShares(root);
  const [previous, ...others] = Object.keys(before);
  if (previous === undefined) return inFull(deployment, "the Worker has no version yet", say);
  if (others.length > 0) {
    return failed(
      `a gradual deployment is in progress: ${shown(before)}`,
      `end it first: ${Object.keys(before)
        .map((id) => `npx wrangler versions deploy ${id}@100 -y`)
        .join(" or ")}; nothing was uploaded`,
    );
  }
  const added = await addedClasses(root, previous, configuration);
  if (added.length > 0) return inFull(deployment, `this version adds ${added.join(", ")}`, say);
  const isReadable = await canGoBack(root, previous, say);
  if (isReadable !== null) return isReadable;
  const secrets = options.secretsFile === null ? [] : ["--secrets-file", options.secretsFile];
  const args = ["versions", "upload", ...secrets, ...(await tagArguments(root))];
  const { ran, deployed, failure } = await withEvents((environment) =>
    runWrangler(root, args, { environment, onOutput: say, timeoutMs: UPLOAD_TIMEOUT_MS }),
  );
  if (!ran.ok || !deployed?.versionId) {
    const isClassChange = CLASS_CHANGE.test(`${failure}\n${ran.stderr}\n${ran.stdout}`);
    return isClassChange
      ? inFull(deployment, "this version changes the classes of objects", say)
      : refused(ran, failure);
  }
  deployment.versionId = deployed.versionId;
  deployment.previousVersionId = previous;
  deployment.shares.push(before);
  deployment.headers = { [OVERRIDE_HEADER]: `${configuration.name}="${deployed.versionId}"` };
  return done(`version ${deployed.versionId}, which serves no request yet`);
}

/** A failure if the running version could not read storage that this one has written; null if it can, or if that is unknown. */
async function canGoBack(
  root: string,
  previous: string,
  say: (line: string) => void,
): Promise<StepResult | null> {
  const [schema, before] = [await schemaOf(root), await schemaOfVersion(root, previous)];
  if (schema === null) return null;
  if (before === null) {
    say(
      "  The running version has no tag of its storage's schema: look up whether this one adds a migration.",
    );
    return null;
  }
  if (schema <= before) return null;
  return failed(
    `this version changes the storage of objects (schema ${schema}, running ${before}): the version before would refuse those that have changed, so it could not be rolled back`,
    "deploy the migration alone first, in full: docs/deploy.md#migrations-in-two-deployments; nothing was uploaded",
  );
}

/** Deploys all at once: two versions of one deployment cannot have different classes of objects. */
async function inFull(deployment: Deployment, why: string, say: (line: string) => void): Promise<StepResult> {
  say(`  Deploying in full: ${why}, and classes of objects cannot be shifted by shares.`);
  const { url } = deployment;
  const result = await upload(deployment, say);
  deployment.url ??= url;
  return result.kind === "done" ? done(`${result.detail}, for all requests at once: ${why}`) : result;
}

/** Classes of objects in wrangler.toml that the running version does not have. */
async function addedClasses(
  root: string,
  versionId: string,
  configuration: Configuration,
): Promise<string[]> {
  const ran = await runWrangler(root, ["versions", "view", versionId, "--json"]);
  const bindings = rowsOf(fieldsIn(parsed(ran.stdout), "resources")["bindings"]);
  const running = new Set(bindings.map((binding) => textIn(binding, "class_name")));
  // Without an answer, Cloudflare itself rejects what it cannot shift.
  if (bindings.length === 0) return [];
  return Object.keys(configuration.exports ?? {}).filter((name) => !running.has(name));
}

async function shift(
  deployment: Deployment,
  share: number,
  say: (line: string) => void,
): Promise<StepResult> {
  const { options, versionId, previousVersionId, shares } = deployment;
  if (shares.length === 0 || versionId === null || previousVersionId === null) {
    return skip(whySkipped(deployment));
  }
  const foreign = await foreignShares(deployment);
  if (foreign !== null) return failed(foreign.reason, foreign.next);
  const wanted =
    share === 100 ? { [versionId]: 100 } : { [previousVersionId]: 100 - share, [versionId]: share };
  // Known before it is set: if wrangler is cut off, it may be set.
  shares.push(wanted);
  const ran = await deployShares(options.root, wanted, say);
  if (ran.ok) return done(shown(wanted));
  if (isDeepStrictEqual(await currentShares(options.root), wanted))
    return done(`${shown(wanted)}, although wrangler failed`);
  const isClassChange = CLASS_CHANGE.test(`${ran.stderr}\n${ran.stdout}`);
  return failed(
    isClassChange ? "the two versions have different classes of objects" : firstError(ran),
    isClassChange
      ? "npm run deploy (all at once)"
      : "read wrangler's output above, then run npm run deploy again",
  );
}

/** Why a deployment must not be changed: its shares are not those that this run has set. Null: they are. */
async function foreignShares({
  options,
  shares,
}: Deployment): Promise<{ readonly reason: string; readonly next: string } | null> {
  const ours = shares.at(-1) ?? {};
  const now = await currentShares(options.root);
  if (isDeepStrictEqual(now, ours)) return null;
  const isUnknown = Object.keys(now).length === 0;
  return {
    reason: isUnknown
      ? "wrangler does not say which versions are deployed"
      : `somebody else has deployed meanwhile: now ${shown(now)}, not ${shown(ours)}`,
    next: "look at npx wrangler deployments status and agree on who deploys, then run npm run deploy again",
  };
}

/** Sets the shares of versions. */
export function deployShares(
  root: string,
  shares: Shares,
  say: (line: string) => void,
): Promise<CommandResult> {
  const message = `npm run deploy -- --gradual: ${shown(shares)}`;
  const args = ["versions", "deploy", ...specsOf(shares), "-y", "--message", message];
  return runWrangler(root, args, { onOutput: say });
}

/** As wrangler takes them: `<version>@<percent>`. */
export function specsOf(shares: Shares): string[] {
  return Object.entries(shares).map(([id, share]) => `${id}@${share}`);
}

function shown(shares: Shares): string {
  return Object.entries(shares)
    .map(([id, share]) => `${share} % for version ${id}`)
    .join(", ");
}

/** The patterns of routes in wrangler.toml. */
function patternsOf({ route, routes }: Configuration): string[] {
  return [...(routes ?? []), ...(route === undefined ? [] : [route])].map((each) =>
    typeof each === "string" ? each : each.pattern,
  );
}

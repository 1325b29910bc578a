/** Goes back from a gradual deployment, and says how if that is impossible. */
import { isDeepStrictEqual } from "node:util";
import { deployShares, specsOf } from "./gradual.ts";
import type { Deployment } from "./step.ts";
import { currentShares } from "./upload.ts";

/** Tries: a second Ctrl-C, or a moment without a network, may end the first. */
const TRIES = 3;

/**
 * Gives all requests to the version from before, unless somebody else has deployed meanwhile.
 * @returns what has become of it, to print.
 */
export async function rollBackShares(deployment: Deployment, say: (line: string) => void): Promise<string> {
  const { options, shares, versionId, previousVersionId } = deployment;
  if (shares.length === 0 || versionId === null || previousVersionId === null) return "";
  const before = { [previousVersionId]: 100 };
  const command = `npx wrangler versions deploy ${specsOf(before).join(" ")} -y`;
  for (let tries = 0; tries < TRIES; tries++) {
    const now = await currentShares(options.root);
    if (isDeepStrictEqual(now, before)) return `All requests go to version ${previousVersionId}, as before.`;
    const isOurs = shares.some((each) => isDeepStrictEqual(now, each));
    if (!isOurs && Object.keys(now).length > 0) {
      return `Not rolled back, since somebody else has deployed meanwhile: ${specsOf(now).join(", ")}. To go back anyway:\n\n  ${command}\n`;
    }
    say(`Rolling back to version ${previousVersionId} ...`);
    const ran = await deployShares(options.root, before, say);
    if (ran.ok) return `Rolled back: all requests go to version ${previousVersionId}.`;
  }
  return `THE ROLL-BACK FAILED: version ${versionId} may still serve requests. Run this until it succeeds:\n\n  ${command}\n`;
}

/** What `npm start` does about `JURISDICTION`: workerd on this machine has no jurisdictions, and would refuse to create any object. */
import { readFile } from "node:fs/promises";

/** Set in wrangler.toml, which a local start reads no variables of. */
const IN_CONFIGURATION = /^\s*JURISDICTION\s*=\s*["']([^"']+)["']/m;

/**
 * The variables without a jurisdiction, and what to print about it; null: none is set.
 * @param configuration the path of wrangler.toml.
 */
export async function withoutJurisdiction(
  given: Readonly<Record<string, string>>,
  configuration: string,
): Promise<{ readonly variables: Readonly<Record<string, string>>; readonly note: string | null }> {
  const { JURISDICTION: own, ...variables } = given;
  const text = await readFile(configuration, "utf8").catch(() => "");
  const jurisdiction = own || IN_CONFIGURATION.exec(text)?.[1];
  const note = jurisdiction
    ? `JURISDICTION=${jurisdiction} has no effect here: local objects are stored on this machine. It applies once deployed.`
    : null;
  return { variables, note };
}

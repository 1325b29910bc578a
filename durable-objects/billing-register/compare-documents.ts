/**
 * Whether a document that comes to a register again is the one that it has numbered. It is not if its account's object was restored to an
 * earlier state and has closed the period again, by other usage, terms or details.
 */
import * as z from "zod/mini";
import { parseJson } from "../../src/json.ts";
import type { RegisterEntry } from "../../src/objects/billing-register.ts";

/** A registered document, as far as it is compared. */
interface Compared {
  readonly total_minor: string;
  /** Null: an older Worker registered it. */
  readonly sha256: string | null;
  readonly field_digests: string | null;
}

const fieldDigests = z.record(z.string(), z.string());

/** Names of the document's fields that differ; none: it is the same document. Without digests, only the total is compared. */
export function differingFields(known: Compared, { totalMinor, digests }: RegisterEntry): string[] {
  if (known.sha256 === null || known.field_digests === null || digests === undefined) {
    return known.total_minor === totalMinor ? [] : ["totalMinor"];
  }
  if (known.sha256 === digests.sha256) return [];
  const before = fieldDigests.parse(parseJson(known.field_digests));
  const names = Object.keys({ ...before, ...digests.fields });
  const differing = names.filter((name) => before[name] !== digests.fields[name]);
  return differing.length > 0 ? differing : ["document"];
}

/** The columns `sha256` and `field_digests` of an entry. */
export function digestColumns({ digests }: RegisterEntry): [string | null, string | null] {
  return digests === undefined ? [null, null] : [digests.sha256, JSON.stringify(digests.fields)];
}

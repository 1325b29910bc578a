/** Ids of the decisions that are made in an isolate: unique, and cheaper than a random one each. */

/** Random, so that two isolates' ids never meet. Made when first needed: no randomness at global scope. */
let isolateId: string | null = null;
let decisions = 0;

export function nextDecisionId(): string {
  isolateId ??= crypto.randomUUID();
  decisions += 1;
  return `${isolateId}-${decisions.toString(36)}`;
}

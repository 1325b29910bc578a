/** Ids of the decisions made in an isolate: unique, and cheaper than a random one each. */

/** Random, so that ids of two isolates never collide. Made when first needed, since Workers have no randomness at global scope. */
let isolateId: string | null = null;
let decisions = 0;

export function nextDecisionId(): string {
  isolateId ??= crypto.randomUUID();
  decisions += 1;
  return `${isolateId}-${decisions.toString(36)}`;
}

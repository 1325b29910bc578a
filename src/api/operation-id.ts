/** The ids of a batch's operations: that of the request, and the operation's number. Reports know the request alone. */

const OPERATION = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-\d+$/;

/** @param number from 1. */
export function operationId(requestId: string, number: number): string {
  return `${requestId}-${number}`;
}

/** The request's id in that of an operation; any other id is unchanged. */
export function requestIdOf(id: string): string {
  return OPERATION.exec(id)?.[1] ?? id;
}

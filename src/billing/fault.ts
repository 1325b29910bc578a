/** What is wrong with a plan, an overage or a price. */

/** `path` leads from the object that was checked to the field; the caller puts its own place before it. */
export interface BillingFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The faults of a part, with the part's place before their paths. */
export function under(place: string | number, faults: readonly BillingFault[]): BillingFault[] {
  return faults.map(({ path, message }) => ({ path: [place, ...path], message }));
}

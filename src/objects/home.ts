/**
 * The region in which a user's object is created: a location hint of Durable Objects. It counts only with the first call ever made to the
 * object, which never moves afterwards. A best effort of the platform: no promise about where data is stored.
 *
 * https://developers.cloudflare.com/durable-objects/reference/data-location/
 */
export const HOMES = [
  "wnam",
  "enam",
  "sam",
  "weur",
  "eeur",
  "apac",
  "apac-ne",
  "apac-se",
  "oc",
  "afr",
  "me",
] as const satisfies readonly DurableObjectLocationHint[];

export type Home = (typeof HOMES)[number];

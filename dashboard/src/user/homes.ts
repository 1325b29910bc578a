/** The regions in which a user's object can be created, by the API's names: location hints of Durable Objects. */
export const HOMES: Readonly<Record<string, string>> = {
  wnam: "Western North America",
  enam: "Eastern North America",
  sam: "South America",
  weur: "Western Europe",
  eeur: "Eastern Europe",
  apac: "Asia-Pacific",
  "apac-ne": "North-east Asia-Pacific",
  "apac-se": "South-east Asia-Pacific",
  oc: "Oceania",
  afr: "Africa",
  me: "Middle East",
};

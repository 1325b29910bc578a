/** Shortens the names that only the dashboard's own code has, which saves 0.5 KB gzip. Used by the build; the sources never see it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Properties of the dashboard's own objects and components. None is a field of an answer of the API, a property of the browser or of a
 * package, or written as a text, as in `"name" in value` (test/dashboard/short-names.test.ts).
 */
export const PROPERTIES: readonly string[] = [
  "timesMs",
  "isDangerous",
  "onPick",
  "fromMs",
  "stepMs",
  "toMs",
  "answeredAtMs",
  "signedOut",
  "isFiltered",
  "isShort",
  "isUnderHeading",
  "isStacked",
  "isOneSubject",
  "hasNoAccount",
  "isLoading",
  "isPaused",
  "isCurrent",
  "allowFree",
  "onSignOut",
  "everyMs",
  "isSlots",
  "isForecast",
  "valueLabel",
  "isRequired",
  "onRetry",
  "isBound",
  "listAgeSeconds",
  "forecastFromMs",
  "onRefresh",
  "accountOf",
  "isDashed",
  "isNumber",
  "tryNow",
  "atOnce",
  "withAccounts",
  "leaseTokens",
  "rowsWritten",
  "isUnlimited",
  "indexAt",
  "isKeyboard",
  "isSum",
  "onSort",
  "faultBody",
  "isEjected",
  "isOpen",
  "isFree",
  "againAtMs",
  "isBlocked",
  "runsOutMs",
  "onChoose",
  "onReplay",
  "isSigned",
  "endMs",
  "onOrder",
  "onTheme",
  "onFrame",
  "isPlain",
  "perHour",
  "startMs",
  "timeAt",
  "isCalm",
  "isPast",
  "signIn",
  "onDone",
];

/** The custom properties of tokens.css (`--space-2`), which all style sheets repeat. */
const TOKENS = new Set(
  Array.from(
    readFileSync(join(import.meta.dirname, "src", "tokens.css"), "utf8").matchAll(/^ +(--[\w-]+):/gm),
    ([, name = ""]) => name,
  ),
);

/** Letters that code has often compress best. With a capital, they are no other name of the sources. */
const FIRST = "nrtieasolc";

export const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ...[...TOKENS].map((name, i) => [name, `--${i.toString(36)}`] as const),
  ...PROPERTIES.map((name, i) => {
    const capital = String.fromCodePoint(65 + Math.floor(i / FIRST.length));
    return [name, `${FIRST[i % FIRST.length]}${capital}`] as const;
  }),
]);

/** A plugin of Vite. */
export const shortNames = {
  name: "short-names",
  enforce: "pre",
  transform: {
    filter: { id: /\/src\/.*\.(css|tsx?)(\?|$)/ },
    handler: (code: string) =>
      code.replaceAll(/--[a-z][\w-]*|\b[a-z]+[A-Z]\w*\b/g, (name) => SHORT_NAMES.get(name) ?? name),
  },
} as const;

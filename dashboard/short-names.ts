/** Shortens names that only the dashboard's own code uses, when it is built: that saves 0.8 KB gzip. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Properties of the dashboard's own objects and components. None may be a field of an API answer, a property of the browser or of a
 * package, or appear in a string, as in `"name" in value` (test/dashboard/short-names.test.ts).
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

const SOURCES = join(import.meta.dirname, "src");
const styles = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".css"))
  .toSorted()
  .map((name) => readFileSync(join(SOURCES, name), "utf8"))
  .join("\n");

/** The custom properties of tokens.css (`--space-2`), which all style sheets repeat. */
const TOKENS = new Set(
  Array.from(
    readFileSync(join(SOURCES, "tokens.css"), "utf8").matchAll(/^ +(--[\w-]+):/gm),
    ([, name = ""]) => name,
  ),
);

/**
 * The classes with a hyphen, such as `tile-line`; others could be ordinary words. Code may use them only as classes
 * (test/dashboard/short-names.test.ts).
 */
export const CLASSES: readonly string[] = [...new Set(styles.match(/(?<=\.)[a-z]+(-[a-z]+)+/g))];

/** Frequent letters compress best. No name in the sources is one of these letters followed by one capital. */
const FIRST = "nrtieasolc";

export const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ...[...TOKENS].map((name, i) => [name, `--${i.toString(36)}`] as const),
  ...CLASSES.map((name, i) => [name, `z${i.toString(36)}`] as const),
  ...PROPERTIES.map((name, i) => {
    const capital = String.fromCodePoint(65 + Math.floor(i / FIRST.length));
    return [name, `${FIRST[i % FIRST.length]}${capital}`] as const;
  }),
]);

/** Custom properties, names with capitals, and names with hyphens that are not part of a path. */
const NAMES = /--[a-z][\w-]*|\b[a-z]+[A-Z]\w*\b|(?<![\w/-])[a-z]+(-[a-z]+)+(?![\w-])/g;

/** A plugin of Vite. */
export const shortNames = {
  name: "short-names",
  enforce: "pre",
  transform: {
    filter: { id: /\/src\/.*\.(css|tsx?)(\?|$)/ },
    handler: (code: string) => code.replaceAll(NAMES, (name) => SHORT_NAMES.get(name) ?? name),
  },
} as const;

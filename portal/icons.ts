/** Leaves icons that the portal never shows out of its build, which saves 1 KB gzip. */

/** The icons that the portal shows, in its own code or in the dashboard's kit (test/portal/build.test.ts). */
export const ICONS: readonly string[] = [
  "check",
  "chevron-right",
  "copy",
  "download",
  "plus",
  "sign-out",
  "warning",
];

/** A plugin of Vite. Each icon is a line of its own in kit/icon.tsx. */
export const onlyIcons = {
  name: "only-icons",
  enforce: "pre",
  transform: {
    filter: { id: /\/kit\/icon\.tsx$/ },
    handler: (code: string) =>
      code.replaceAll(/^ {2}"?([a-z-]+)"?: ["`].*,\n/gm, (line, name: string) =>
        ICONS.includes(name) ? line : "",
      ),
  },
} as const;

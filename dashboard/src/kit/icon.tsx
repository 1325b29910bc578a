/** The icons: outlines on a grid of 16 px, drawn in the colour of the text. Decoration: never the only name of anything. */

/** A circle as path data. */
const circle = (x: number, y: number, r: number): string =>
  `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;

const PATHS = {
  search: `${circle(7, 7, 4.5)}M10.5 10.5L14 14`,
  users: `${circle(6, 5.25, 2.5)}M1.5 13.5c0-2.6 2-4 4.5-4s4.5 1.4 4.5 4M10.75 2.9a2.5 2.5 0 0 1 0 4.7M12.25 9.9c1.5.6 2.25 1.9 2.25 3.6`,
  user: `${circle(8, 5, 2.75)}M2.75 14c0-2.9 2.3-4.5 5.25-4.5s5.25 1.6 5.25 4.5`,
  policy: "M9.25 1.75H3.75v12.5h8.5V4.75zM9.25 1.75v3h3M6 8h4M6 11h4",
  chart: "M2 2v12h12M5.25 11V8.5M8.5 11V4.5M11.75 11V7",
  live: "M1.25 8h3l2-5 3.5 10 2-5h3",
  list: "M5.5 4H14M5.5 8H14M5.5 12H14M2.25 4h.01M2.25 8h.01M2.25 12h.01",
  simulator: "M5.75 2h4.5M6.75 2v4.25L3 12.75a1 1 0 0 0 .9 1.5h8.2a1 1 0 0 0 .9-1.5L9.25 6.25V2M5 10.25h6",
  system: "M2 2.75h12v4.5H2zM2 8.75h12v4.5H2zM4.5 5h.01M4.5 11h.01M7 5h4.5M7 11h4.5",
  billing: "M1.75 3.5h12.5v9H1.75zM1.75 6.5h12.5M4 10h2.5",
  webhooks: "M9 1.75L3.5 9H8l-1 5.25L12.5 7H8z",
  copy: "M5.75 5.75h8v8h-8zM10.25 5.5V2.25h-8v8H5.5",
  download: "M8 2v8.5M4.5 7.25L8 10.75l3.5-3.5M2.5 13.75h11",
  play: "M4.5 2.75L13 8l-8.5 5.25z",
  pause: "M5.5 3v10M10.5 3v10",
  warning: "M8 2l6.75 11.75H1.25zM8 6.25v3.5M8 11.75h.01",
  check: "M3 8.5l3.25 3.25L13 4.75",
  cross: "M4 4l8 8M12 4l-8 8",
  "chevron-right": "M6 3.5L10.5 8 6 12.5",
  "chevron-down": "M3.5 6L8 10.5 12.5 6",
  plus: "M8 3v10M3 8h10",
  undo: "M3 6.5h6.5a3.5 3.5 0 0 1 0 7H6M5.75 3.5l-3 3 3 3",
  refresh: "M13.5 3v3.25h-3.25M13.25 6.25A5.5 5.5 0 1 0 13.5 9",
  key: `${circle(5, 11, 2.75)}M7 9l6.5-6.5M10.5 5.5l2 2`,
  block: `${circle(8, 8, 6)}M3.75 3.75l8.5 8.5`,
  gift: "M2.75 7.5h10.5v6.5H2.75zM1.75 4.75h12.5V7.5H1.75zM8 4.75V14M8 4.5C7.25 2.25 4 1.5 4 3.25 4 4.5 6.5 4.5 8 4.5s4 0 4-1.25C12 1.5 8.75 2.25 8 4.5",
  "sort-up": "M4.5 9.5L8 6l3.5 3.5",
  "sort-down": "M4.5 6.5L8 10l3.5-3.5",
  "zoom-out": `${circle(7, 7, 4.5)}M10.5 10.5L14 14M5 7h4`,
  menu: "M2 4h12M2 8h12M2 12h12",
  "sign-out": "M6.5 2.5H3v11h3.5M6.5 8H14M11 5l3 3-3 3",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The style sheet of a document's page: on screens down to 320 px, and on paper of any size. It loads nothing. */
export const INVOICE_STYLE = `
:root {
  color-scheme: light;
  --ink: #1a1f2e;
  --quiet: #586174;
  --line: #dfe4ec;
  --accent: #1f56c3;
}
* { box-sizing: border-box; }
body {
  margin: 0;
  background: #f3f5f8;
  color: var(--ink);
  font: 0.875rem/1.5 Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere;
}
main {
  max-width: 50rem;
  margin: 2rem auto;
  padding: 3rem 3.25rem 2.5rem;
  border-top: 4px solid var(--accent);
  background: #fff;
  box-shadow: 0 1px 3px rgb(16 24 40 / 12%);
}
h1, h2, p, dl, dd, address { margin: 0; font-style: normal; }
h1 { font-size: 1.75rem; font-weight: 600; line-height: 1.2; letter-spacing: -0.015em; }
h2 { margin-bottom: 0.25rem; font-size: 0.875rem; font-weight: 600; }
.head { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; justify-content: space-between; }
.brand { font-size: 1.125rem; font-weight: 600; color: var(--quiet); text-align: right; }
.badge {
  display: inline-block;
  margin-left: 0.625rem;
  padding: 0.125rem 0.5rem;
  border-radius: 0.25rem;
  font-size: 0.8125rem;
  font-weight: 500;
  line-height: 1.4;
  letter-spacing: 0;
  vertical-align: 0.3em;
}
.badge.plain { background: #eceff4; color: #434b5c; }
.badge.good { background: #ddf3e4; color: #11653a; }
.badge.bad { background: #fde7e7; color: #a11b1b; }
.notice { margin-bottom: 1.5rem; padding: 0.75rem 1rem; border-radius: 0.375rem; background: #fff5da; color: #5c4200; }
.actions { margin: -1.25rem 0 1.25rem; text-align: right; }
.actions a { color: var(--accent); font-weight: 500; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.125rem 1.5rem; margin-top: 1.25rem; }
.facts dt { color: var(--quiet); }
.facts dd:first-of-type { font-weight: 600; }
.parties { display: grid; grid-template-columns: 1fr 1fr; gap: 2rem; margin-top: 2rem; }
.sum { margin: 2.25rem 0 1.5rem; font-size: 1.25rem; font-weight: 600; line-height: 1.3; letter-spacing: -0.01em; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
th, td { padding: 0.625rem 0 0.625rem 1.25rem; text-align: left; vertical-align: top; font-weight: 400; }
th:first-child, td:first-child { padding-left: 0; }
thead th { padding-block: 0.375rem; border-bottom: 1px solid var(--ink); color: var(--quiet); font-size: 0.75rem; vertical-align: bottom; }
tbody tr + tr:not(.part) > * { border-top: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; overflow-wrap: normal; }
.note, .narrow { display: block; color: var(--quiet); font-size: 0.8125rem; }
.narrow { display: none; }
.part > * { padding-block: 0 0.375rem; color: var(--quiet); font-size: 0.8125rem; }
.part > :first-child { padding-left: 1rem; }
.totals { width: min(24rem, 100%); margin: 0 0 0 auto; }
.lines { border-bottom: 1px solid var(--ink); }
.totals th, .totals td { padding-block: 0.4375rem; }
.totals .strong > * { font-weight: 600; }
.usage { margin-top: 2.5rem; }
.usage caption { padding-bottom: 0.375rem; font-weight: 600; }
.usage th, .usage td { padding-block: 0.375rem 0.25rem; font-size: 0.8125rem; }
.usage tbody + tbody tr:first-child > * { border-top: 1px solid var(--line); }
.usage thead th { font-size: 0.75rem; }
.usage thead th:first-child { width: 50%; }
.foot { margin-top: 2.5rem; padding-top: 0.75rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: 0.75rem; }
@media (max-width: 40rem) {
  main { margin: 0; padding: 1.5rem 1.25rem; box-shadow: none; }
  body { background: #fff; }
  .parties { gap: 1rem; }
  .actions { margin-top: 0; }
  .sum { font-size: 1.125rem; }
  .wide { display: none; }
  .narrow { display: block; }
}
@media (max-width: 24rem) {
  .parties { grid-template-columns: 1fr; }
}
@media print {
  :root { font-size: 84%; }
  body { background: none; font-size: 9.5pt; }
  main { max-width: none; margin: 0; padding: 0; border: 0; box-shadow: none; }
  .notice, .actions { display: none; }
  thead { display: table-header-group; }
  tr, .parties, .totals, .facts { break-inside: avoid; }
  thead, .part { break-before: avoid; }
  .foot { margin-top: 1rem; break-before: avoid; }
  .badge { border: 1px solid; }
}
@page {
  margin: 18mm 16mm 20mm;
  @bottom-right { content: "Page " counter(page) " of " counter(pages); color: #586174; font: 8pt sans-serif; }
}
`;

/** For the Content-Security-Policy of the page. A test compares it. */
export const INVOICE_STYLE_SHA256 = "zDGZK5FYWlmhacoqqdEPUZ2DRZEOL2p4YjPjGmQ8q14=";

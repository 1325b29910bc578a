/** An invoice or a credit note as a page: one file without scripts, images or links, for screens and paper. Pure. */
import { type Html, html, markup } from "./html.ts";
import { INVOICE_STYLE } from "./invoice-style.ts";
import {
  amountHead,
  BILL_TO,
  FROM,
  type InvoiceView,
  LINE_HEADS,
  type LineView,
  type PartView,
  type Party,
  type SegmentView,
  type TotalView,
  USAGE_HEADS,
  USAGE_TITLE,
} from "./invoice-view.ts";

/** Without the spaces that a template adds: the hash of a Content-Security-Policy is of the very text. */
const STYLE = markup(`<style>${INVOICE_STYLE}</style>`);

/** What stands above the document on screens, and is not printed. */
export interface PageHead {
  /** Where the PDF is; null: there is none. */
  readonly pdf: string | null;
  /** Null: none. */
  readonly notice: string | null;
}

export function invoiceHtml(view: InvoiceView, { pdf, notice }: PageHead): string {
  const { title, name, badge, facts, seller, customer, headline, footnotes } = view;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${seller === null ? name : `${name} · ${seller.name}`}</title>
        ${STYLE}
      </head>
      <body>
        <main>
          ${notice === null ? "" : html`<p class="notice" role="note">${notice}</p>`}
          ${pdf === null ? "" : html`<p class="actions"><a href="${pdf}">Download PDF</a></p>`}
          <div class="head">
            <h1>
              ${title}${badge === null ? "" : html`<span class="badge ${badge.tone}">${badge.text}</span>`}
            </h1>
            ${seller === null ? "" : html`<p class="brand">${seller.name}</p>`}
          </div>
          <dl class="facts">
            ${facts.map(
              ({ label, value }) =>
                html`<dt>${label}</dt>
                  <dd>${value}</dd>`,
            )}
          </dl>
          <div class="parties">${seller === null ? "" : party(FROM, seller)} ${party(BILL_TO, customer)}</div>
          <p class="sum">${headline}</p>
          ${lineTable(view)}
          <table class="totals">
            <caption class="unseen">
              Totals
            </caption>
            <tbody>
              ${view.totals.map(totalRow)}
            </tbody>
          </table>
          ${view.segments.length === 0 ? "" : usageTable(view.segments)}
          <div class="foot">${footnotes.map((text) => html`<p>${text}</p>`)}</div>
        </main>
      </body>
    </html> `;
  return page.text;
}

function party(label: string, { name, lines }: Party): Html {
  const rest = lines.map((line) => html`<br />${line}`);
  return html`<section>
    <h2>${label}</h2>
    <address>${name}${rest}</address>
  </section>`;
}

function lineTable(view: InvoiceView): Html {
  const [description, quantity, unitPrice] = LINE_HEADS;
  return html`<table class="lines">
    <caption class="unseen">
      Lines
    </caption>
    <thead>
      <tr>
        <th scope="col">${description}</th>
        <th scope="col" class="number wide">${quantity}</th>
        <th scope="col" class="number wide">${unitPrice}</th>
        <th scope="col" class="number">${amountHead(view)}</th>
      </tr>
    </thead>
    <tbody>
      ${view.lines.flatMap((line) => [lineRow(line), ...line.parts.map(partRow)])}
    </tbody>
  </table>`;
}

function lineRow({ description, note, quantity, unitPrice, amount }: LineView): Html {
  return html`<tr>
    <td>${description}${noteOf(note)}${narrow(quantity, unitPrice)}</td>
    <td class="number wide">${quantity}</td>
    <td class="number wide">${unitPrice}</td>
    <td class="number">${amount}</td>
  </tr> `;
}

function partRow({ label, quantity, unitPrice, amount }: PartView): Html {
  return html`<tr class="part">
    <td>${label}${narrow(quantity, unitPrice)}</td>
    <td class="number wide">${quantity}</td>
    <td class="number wide">${unitPrice}</td>
    <td class="number">${amount}</td>
  </tr> `;
}

function noteOf(note: string): Html | string {
  return note === "" ? "" : html`<span class="note">${note}</span>`;
}

/** On narrow screens, in place of the two columns. */
function narrow(quantity: string, unitPrice: string): Html | string {
  if (quantity === "") return "";
  return html`<span class="narrow">${unitPrice === "" ? quantity : `${quantity} × ${unitPrice}`}</span>`;
}

function totalRow({ label, amount, isStrong }: TotalView): Html {
  return html`<tr class="${isStrong ? "strong" : ""}">
    <th scope="row">${label}</th>
    <td class="number">${amount}</td>
  </tr> `;
}

function usageTable(segments: readonly SegmentView[]): Html {
  const [route, ...numbers] = USAGE_HEADS;
  return html`<table class="usage">
    <caption>
      ${USAGE_TITLE}
    </caption>
    <thead>
      <tr>
        <th scope="col">${route}</th>
        ${numbers.map(numberHead)}
      </tr>
    </thead>
    ${segments.map(segmentRows)}
  </table>`;
}

function numberHead(head: string): Html {
  return html`<th scope="col" class="number">${head}</th>`;
}

function segmentRows({ title, usage }: SegmentView): Html {
  const rows = usage.map(
    ({ route, requests, used }) =>
      html`<tr class="part">
        <td>${route}</td>
        <td class="number">${requests}</td>
        <td class="number">${used}</td>
      </tr> `,
  );
  return html`<tbody>
    <tr>
      <th scope="rowgroup" colspan="${String(USAGE_HEADS.length)}">${title}</th>
    </tr>
    ${rows}
  </tbody> `;
}

/**
 * The RPC interface of the BillingRegister (durable-objects/billing-register.ts), which numbers invoices and credit notes, and the data it
 * exchanges. One object for each series, and one that knows all series.
 */
import * as z from "zod/mini";
import { type DocumentPart, SUM_KEYS, type SumKey } from "../billing/document-parts.ts";
import { DOCUMENT_KINDS, type DocumentKind } from "../billing/invoice-document.ts";
import { INVOICE_STATUSES, type InvoiceStatus } from "../billing/invoice-status.ts";
import { parseJson } from "../json.ts";

export { INVOICE_STATUSES, type InvoiceStatus, SUM_KEYS, type SumKey };

const minor = z.string().check(z.regex(/^(0|[1-9]\d{0,39})$/));
const ms = z.int();

/** A document as its account's object reports it. A newer version replaces an older one; number and date stay. */
export const registerEntrySchema = z.strictObject({
  /** The policy's series; credit notes have one of their own beside it. */
  series: z.string(),
  kind: z.enum(DOCUMENT_KINDS),
  id: z.string(),
  user: z.string(),
  periodStartMs: ms,
  periodEndMs: ms,
  currency: z.string(),
  exponent: z.int(),
  totalMinor: minor,
  /** What is left to pay. */
  openMinor: minor,
  status: z.enum(INVOICE_STATUSES),
  /** null: a credit note. */
  dueDays: z.nullable(z.int()),
  version: z.int(),
});
type ReportedEntry = z.infer<typeof registerEntrySchema>;

export interface RegisterEntry extends ReportedEntry {
  /** Objects of an older version leave it out: then only the total is compared. */
  readonly digests?: DocumentDigests;
  /** What tiers and routes add to the subtotal. Objects of an older version leave it out: then reports have the document as unknown. */
  readonly parts?: readonly DocumentPart[];
}

/** Of a document without its number and dates, so that it can be compared before and after it has them. In hex. */
export interface DocumentDigests {
  /** SHA-256 of its bytes. */
  readonly sha256: string;
  /** The first half of the SHA-256 of each field, by the field's name: to say what differs. */
  readonly fields: Readonly<Record<string, string>>;
}

/** A document with its number: what a register is rebuilt from. */
export interface NumberedEntry extends RegisterEntry {
  readonly number: string;
  readonly issuedMs: number;
}

/** A document in the register. */
export interface RegisteredDocument extends Omit<ReportedEntry, "series" | "dueDays" | "version"> {
  readonly number: string;
  readonly issuedMs: number;
  readonly dueMs: number | null;
}

export type RegisterAnswer =
  /** The number that the document has, from now on or from before. */
  | { readonly kind: "registered"; readonly number: string; readonly issuedMs: number }
  /** Documents of this deployment are in another currency. */
  | { readonly kind: "currency-differs"; readonly currency: string }
  /**
   * Another document of this id was registered before: its object was restored to an earlier state. `fields`: names of those that differ;
   * registers of an older version leave them out.
   */
  | {
      readonly kind: "differs";
      readonly number: string;
      readonly totalMinor: string;
      readonly fields?: readonly string[];
    }
  /** The register is being rebuilt, and gives no numbers meanwhile. */
  | { readonly kind: "rebuilding" };

/** Null, or left out by older versions: any. */
export interface RegisterFilter {
  readonly status: InvoiceStatus | null;
  readonly user?: string | null;
  /** Only of billing periods that began at this moment or later. */
  readonly fromMs?: number | null;
  /** Only of billing periods that began before this moment. */
  readonly toMs?: number | null;
}

/** A place in the list: newest first. */
export interface RegisterPosition {
  readonly epoch: number;
  readonly n: number;
}

export interface RegisterPage {
  readonly documents: readonly RegisteredDocument[];
  /** The place after which the next page starts; null at the end. */
  readonly next: RegisterPosition | null;
}

/** The key of what a document adds that was registered without its {@link RegisterEntry.parts}. */
export const UNKNOWN_PART = "(unknown)";

export interface SumQuery {
  readonly by: SumKey;
  /** Only of billing periods that began at this moment or later. Null: any. */
  readonly fromMs: number | null;
  /** Only of billing periods that began before this moment. Null: any. */
  readonly toMs: number | null;
  /** Rows for these keys, and one for all others. Null: those of the `count` largest (of months: the newest). */
  readonly keys: readonly string[] | null;
  readonly count: number;
}

/** What the lines of one key add up to, before tax. */
export interface SumRow {
  /** Null: all keys that were not asked for. */
  readonly key: string | null;
  /** Documents with lines of this key, without void ones. */
  readonly documents: number;
  readonly minor: string;
}

/** Sums over the documents of one series. Rows that are all add up to the documents' subtotals. */
export interface RegisterSums {
  readonly rows: readonly SumRow[];
  /** Whether these are all rows. */
  readonly isComplete: boolean;
  /** All documents of the range, each once. */
  readonly documents: number;
  /** Those of which only the total with tax is known. */
  readonly unknown: number;
  /** Null: there are no documents. */
  readonly currency: string | null;
  readonly exponent: number | null;
  /** The register is being rebuilt, so documents are missing. */
  readonly isRebuilding: boolean;
}

/** What is left to pay of the invoices of one series. */
export interface Outstanding {
  readonly documents: number;
  readonly openMinor: string;
  /** Of that, what is past due. */
  readonly pastDueMinor: string;
}

/** What a rebuild found in one series. */
export interface RebuiltSeries {
  readonly series: string;
  readonly documents: number;
  /** Numbers that no document has. If there are any, new documents get numbers of a new series. */
  readonly missing: number;
  /** Numbers that two documents have: the first of them keeps it in the list. */
  readonly conflicts: number;
  /** What the next number begins with. */
  readonly prefix: string;
}

/** Each method rejects if the object's storage fails. */
export interface BillingRegisterRpc extends Rpc.DurableObjectBranded {
  /**
   * Numbers a document, once: the same id gets the same number again. The number is one more than the last one, and the date is never
   * before that of the last one.
   */
  put(entry: RegisterEntry): Promise<RegisterAnswer>;
  /** Documents after a place, newest first; at most `count`. */
  list(filter: RegisterFilter, after: RegisterPosition | null, count: number): Promise<RegisterPage>;
  /** What the documents of a range add up to. */
  sums(query: SumQuery): Promise<RegisterSums>;
  /** What is left to pay of all invoices, as their objects last reported. */
  outstanding(): Promise<Outstanding>;
  /** Begins a rebuild: forgets all documents, and gives no numbers until {@link finishRebuild}. @param name of the register. */
  beginRebuild(name: string): Promise<void>;
  /** Takes documents with their numbers. Safe to repeat. */
  restore(entries: readonly NumberedEntry[]): Promise<void>;
  /** Ends a rebuild. Missing numbers are never given again: numbers go on in a new series. */
  finishRebuild(): Promise<RebuiltSeries | null>;
  /** Of the object that knows all series. The currency of the first document of all is everybody's. @returns that currency. */
  announce(series: string, currency: string): Promise<string>;
  /** Of the object that knows all series. */
  overview(): Promise<RegisterOverview>;
}

export interface RegisterOverview {
  /** Names of the objects of all series that have documents. */
  readonly series: readonly string[];
  /** Null: no document is issued. */
  readonly currency: string | null;
}

/** No series of a policy has a hyphen. */
const NOTES_SUFFIX = "-CN";

/** The name of a series' object. */
export function seriesName(series: string, kind: DocumentKind): string {
  return kind === "invoice" ? series : series + NOTES_SUFFIX;
}

/** Whether the documents of the object of this name are credit notes. */
export function isOfNotes(name: string): boolean {
  return name.endsWith(NOTES_SUFFIX);
}

/** Not the name of a series: those are capitals. */
const OVERVIEW_NAME = "overview";

export type RegisterStub = DurableObjectStub<BillingRegisterRpc>;
export type RegisterNamespace = DurableObjectNamespace<BillingRegisterRpc>;

/** A fresh stub of a series' register. */
export function registerOf(namespace: RegisterNamespace, name: string): RegisterStub {
  return namespace.getByName(name);
}

/** A fresh stub of the object that knows all series. */
export function overviewOf(namespace: RegisterNamespace): RegisterStub {
  return namespace.getByName(OVERVIEW_NAME);
}

/** KV key that marks a user who has documents, even if the account is deleted: what registers are rebuilt from. */
export const DOCUMENTS_MARK_PREFIX = "invoices:";

/** An entry as an outbox holds it. @throws if the text is not one. */
export function readEntry(text: string): ReportedEntry {
  return registerEntrySchema.parse(parseJson(text));
}

/**
 * The steps of closing a billing period (docs/billing.md), from the switch of periods to a credit note, in their order, and how each shows
 * from outside: by what an object writes, or by a call. A product that is started with STOP_AFTER="<account>: <step>" stands still right
 * after that step (stopping-worker.ts), so that a test can kill it there (test/blackbox/closing-crash.test.ts).
 */

export type Shown =
  /** The commit of a turn in which an object of this class, of accounts the one that is named, ran such a statement. */
  | {
      readonly by: "write";
      readonly object: "UserLimiter" | "BillingRegister";
      readonly is: (query: string, bindings: readonly unknown[]) => boolean;
    }
  /** A call of this method, before it arrives. */
  | { readonly by: "call"; readonly binding: string; readonly method: string }
  /** KV has a key that begins so. */
  | { readonly by: "kv"; readonly prefix: string }
  /** The alarm of an account's object has fired, and nothing is done yet. */
  | { readonly by: "alarm" };

const INVOICE = /INTO invoices /;
const NOTE = /INTO credit_notes /;
/** The last binding of a document: 1 is a new one. */
const isNew = (bindings: readonly unknown[]): boolean => bindings.at(-1) === 1;

const own = (is: (query: string, bindings: readonly unknown[]) => boolean): Shown => ({
  by: "write",
  object: "UserLimiter",
  is,
});
const register = (statement: RegExp): Shown => ({
  by: "write",
  object: "BillingRegister",
  is: (query) => statement.test(query),
});
const status = (name: string): Shown =>
  own((query, bindings) => INVOICE.test(query) && bindings.includes(name));

export const CLOSING_STEPS = {
  "period switched": own((query) => /INTO periods/.test(query)),
  "alarm fired": { by: "alarm" },
  drafted: own((query, bindings) => INVOICE.test(query) && bindings.includes("draft") && isNew(bindings)),
  adjusted: own((query, bindings) => INVOICE.test(query) && bindings.includes("draft") && !isNew(bindings)),
  carried: status("carried"),
  finalized: status("pending"),
  "user marked": { by: "kv", prefix: "invoices:" },
  "register called": { by: "call", binding: "BILLING_REGISTER", method: "put" },
  "series announced": register(/INTO all_series /),
  "register opened": register(/INTO register /),
  numbered: register(/INTO documents /),
  issued: status("issued"),
  "past due": status("past_due"),
  "status registered": register(/^UPDATE documents SET status/),
  "entry deleted": own((query) => query.startsWith("DELETE FROM outbox")),
  "credit note made": own((query, bindings) => NOTE.test(query) && isNew(bindings)),
  "credit note issued": own((query, bindings) => NOTE.test(query) && !isNew(bindings)),
  paid: status("paid"),
  voided: status("void"),
} satisfies Readonly<Record<string, Shown>>;

export type ClosingStep = keyof typeof CLOSING_STEPS;

/** Where a product stands still: after a step of this account's close. */
export interface Stop {
  readonly account: string;
  readonly step: ClosingStep;
}

/** STOP_AFTER as {@link Stop}; null if it is not set. @throws if there is no such step. */
export function readStop(text: string | undefined): Stop | null {
  if (text === undefined || text === "") return null;
  const [account = "", step = ""] = text.split(": ");
  if (isStep(step)) return { account, step };
  const steps = Object.keys(CLOSING_STEPS).join(", ");
  throw new Error(`STOP_AFTER must be "<account>: <step>", not "${text}"; the steps are ${steps}`);
}

export function stopText({ account, step }: Stop): string {
  return `${account}: ${step}`;
}

/** What the product prints when it stands still. */
export function stoppedLine({ step }: Stop): string {
  return `stopped after: ${step}`;
}

function isStep(text: string): text is ClosingStep {
  return Object.hasOwn(CLOSING_STEPS, text);
}

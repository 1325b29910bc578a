/** The rows of an account's customer and invoices at Stripe as values. Read when they are needed: no decision reads them. */
import type * as z from "zod/mini";
import { parseJson } from "../../../src/json.ts";
import {
  type StripeCustomer,
  stripeCustomerSchema,
  type StripeRow,
  stripeRowSchema,
} from "../../../src/objects/stripe.ts";

/** No invoice has this id: all have a point. */
const CUSTOMER = "customer";

export class StripeStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  get customer(): StripeCustomer | null {
    return this.#find(CUSTOMER, stripeCustomerSchema);
  }

  putCustomer(customer: StripeCustomer): void {
    this.#put(CUSTOMER, customer);
  }

  find(invoice: string): StripeRow | null {
    return this.#find(invoice, stripeRowSchema);
  }

  put(invoice: string, row: StripeRow): void {
    this.#put(invoice, row);
  }

  /** Erases what may name a person: texts of Stripe, and what could confirm a guess of the customer's details. */
  erase(): void {
    this.#sql.exec("UPDATE stripe SET body = json_set(body, '$.sent', '') WHERE name = ?", CUSTOMER);
    this.#sql.exec(
      "UPDATE stripe SET body = json_set(body, '$.error.detail', '') WHERE body -> '$.error.detail' IS NOT NULL",
    );
  }

  #find<T>(name: string, schema: z.ZodMiniType<T>): T | null {
    const [row] = this.#sql.exec<{ body: string }>("SELECT body FROM stripe WHERE name = ?", name).toArray();
    return row ? schema.parse(parseJson(row.body)) : null;
  }

  #put(name: string, value: object): void {
    const body = JSON.stringify(value);
    this.#sql.exec("INSERT OR REPLACE INTO stripe (name, body) VALUES (?, ?)", name, body);
  }
}

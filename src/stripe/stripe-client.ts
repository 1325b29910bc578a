/**
 * Calls Stripe's API, version 1, over `fetch`. Knows nothing of invoices.
 *
 * Every call has a deadline, follows no redirect and reads a bounded answer. The secret key is in a header only, and never in an error.
 */
import * as z from "zod/mini";
import { parseJson } from "../json.ts";
import { messageOf } from "../log.ts";
import type { StripeSettings } from "./stripe-settings.ts";

/** Answers have the fields of this version, whatever the account's default is. The one of the `stripe` package that tests use. */
export const STRIPE_VERSION = "2026-10-28.endive";

/** Stripe usually answers within a second; a finalization may take some. */
const DEADLINE_MS = 10_000;

/** An invoice with its first lines has a few kilobytes. */
const MAX_ANSWER_BYTES = 2_097_152;

/** Parameters, as Stripe's documentation nests them. Those that are undefined are left out. */
export interface Parameters {
  readonly [name: string]: Parameter;
}
type Parameter = string | number | bigint | boolean | undefined | Parameters | readonly Parameter[];

/** Stripe has answered that it will not do this. The same call again would not help. */
export interface StripeRejection {
  readonly kind: "rejected";
  readonly status: number;
  readonly type: string;
  readonly code: string;
  readonly param: string;
  readonly message: string;
}

export type StripeResult<T> = { readonly kind: "ok"; readonly value: T } | StripeRejection;

/** Stripe did not answer, or asks to come back later, or to fix the key: try again. */
export class StripeUnavailable extends Error {
  override readonly name = "StripeUnavailable";
}

const errorSchema = z.object({
  error: z.object({
    type: z.optional(z.string()),
    code: z.optional(z.string()),
    param: z.optional(z.string()),
    message: z.optional(z.string()),
  }),
});

type Method = "GET" | "POST" | "DELETE";

export class StripeClient {
  readonly #settings: Pick<StripeSettings, "apiUrl" | "secretKey">;

  constructor(settings: Pick<StripeSettings, "apiUrl" | "secretKey">) {
    this.#settings = settings;
  }

  /** @param path below /v1/, of encoded segments. @throws StripeUnavailable, also if the answer is not what `schema` says. */
  get<T>(path: string, schema: z.ZodMiniType<T>, parameters: Parameters = {}): Promise<StripeResult<T>> {
    const query = formOf(parameters).toString();
    return this.#call("GET", query === "" ? path : `${path}?${query}`, schema);
  }

  /** @param idempotencyKey the same key makes the call once, for a day at least. @throws as {@link get}. */
  post<T>(
    path: string,
    schema: z.ZodMiniType<T>,
    parameters: Parameters,
    idempotencyKey: string,
  ): Promise<StripeResult<T>> {
    return this.#call("POST", path, schema, { body: formOf(parameters), idempotencyKey });
  }

  /** @throws as {@link get}. */
  delete<T>(path: string, schema: z.ZodMiniType<T>): Promise<StripeResult<T>> {
    return this.#call("DELETE", path, schema);
  }

  async #call<T>(
    method: Method,
    path: string,
    schema: z.ZodMiniType<T>,
    sent: { readonly body: URLSearchParams; readonly idempotencyKey: string } | null = null,
  ): Promise<StripeResult<T>> {
    const { apiUrl, secretKey } = this.#settings;
    let status: number;
    let text: string;
    try {
      const response = await fetch(`${apiUrl}/v1/${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${secretKey}`,
          "Stripe-Version": STRIPE_VERSION,
          ...(sent ? { "Idempotency-Key": sent.idempotencyKey } : {}),
        },
        ...(sent ? { body: sent.body } : {}),
        redirect: "manual",
        // What is fetched again must not come from a cache of the zone.
        cache: "no-store",
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      ({ status } = response);
      text = await boundedText(response);
    } catch (thrown) {
      throw new StripeUnavailable(`${method} ${pathOf(path)}: ${messageOf(thrown)}`);
    }
    const json = parseJson(text);
    if (status >= 200 && status < 300) {
      const parsed = schema.safeParse(json);
      if (parsed.success) return { kind: "ok", value: parsed.data };
      throw new StripeUnavailable(`${method} ${pathOf(path)}: an answer of another form`);
    }
    const rejection = errorSchema.safeParse(json);
    if (mayPass(status) || !rejection.success) {
      throw new StripeUnavailable(`${method} ${pathOf(path)}: ${status}`);
    }
    const { type = "", code = "", param = "", message = "" } = rejection.data.error;
    return { kind: "rejected", status, type, code, param, message };
  }
}

/** Whether the same call may succeed later. 401 and 403: once an operator has fixed the key; every invoice waits for that. */
function mayPass(status: number): boolean {
  return status < 400 || status >= 500 || [401, 403, 409, 429].includes(status);
}

/** Without ids of a query, for the log. */
function pathOf(path: string): string {
  return path.split("?")[0] ?? "";
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new Error("the answer is too large");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** As Stripe takes nested parameters: `lines[0][amount]=100`. */
export function formOf(parameters: Parameters): URLSearchParams {
  const form = new URLSearchParams();
  const add = (name: string, value: Parameter): void => {
    if (value === undefined) return;
    if (typeof value !== "object") form.append(name, String(value));
    else for (const [key, part] of Object.entries(value)) add(`${name}[${key}]`, part);
  };
  for (const [name, value] of Object.entries(parameters)) add(name, value);
  return form;
}

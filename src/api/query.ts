/** Reads a query string by a schema, and encodes positions in lists as cursors. A cursor is opaque, holds no secret and is never trusted. */
import type { Context } from "hono";
import type * as z from "zod/mini";
import type { AppEnv } from "../edge/app-env.ts";
import { problem } from "../edge/problem.ts";
import { searchOf } from "../edge/url-parts.ts";
import { type Fault, MAX_FAULTS, parseBy, pointer } from "../policy/fault.ts";
import { base64url } from "./base64url.ts";

export type Query<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly response: Response };

const DEFAULT_PAGE = 50;

/** 400 if a parameter is unknown, invalid or repeated. */
export function readQuery<T>(c: Context<AppEnv>, schema: z.ZodMiniType<T>): Query<T> {
  const given = [...new URLSearchParams(searchOf(c.req.url))];
  const names = given.map(([name]) => name);
  const repeated = new Set(names.filter((name, i) => names.indexOf(name) < i));
  if (repeated.size > 0) {
    const message = "is given more than once";
    return badQuery(
      c,
      [...repeated].slice(0, MAX_FAULTS).map((name) => ({ path: pointer([name]), message })),
    );
  }
  const parsed = parseBy(schema, Object.fromEntries(given));
  return parsed.ok ? parsed : badQuery(c, parsed.faults);
}

/** 400 with the faults of the query. */
export function badQuery(c: Context<AppEnv>, errors: readonly Fault[]): { ok: false; response: Response } {
  const response = problem("invalid_request", "The query is not valid; see errors.", c.var.requestId, {
    errors,
  });
  return { ok: false, response };
}

/** The page size that a query asks for. */
export function pageSize(limit: string | undefined, byDefault = DEFAULT_PAGE): number {
  return limit === undefined ? byDefault : Number(limit);
}

/** Encodes a position in a list as base64url. */
export function cursorOf(position: string | number): string {
  return base64url(new TextEncoder().encode(String(position)));
}

/** The position in a cursor, or null if it cannot be decoded. */
export function positionOf(cursor: string): string | null {
  try {
    const binary = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(binary, (c) => c.charCodeAt(0)),
    );
  } catch {
    return null;
  }
}

/** A whole number from a cursor, or null. */
export function numberOf(cursor: string): number | null {
  const position = positionOf(cursor);
  return position !== null && /^\d{1,15}$/.test(position) ? Number(position) : null;
}

export const BAD_CURSOR: readonly Fault[] = [
  {
    path: "/cursor",
    message: "is not a cursor of this list, or comes from an earlier version: start again at the first page",
  },
];

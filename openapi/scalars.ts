/** Values that many bodies contain. Each call makes a new schema, because annotations belong to a schema's identity. */
import * as z from "zod/mini";
import { about } from "./annotations.ts";

/** A time: RFC 3339 in UTC. */
export function moment(description: string) {
  return about(description, z.iso.datetime());
}

/** A time, or null. */
export function momentOrNull(description: string) {
  return about(description, z.nullable(z.iso.datetime()));
}

export function words(description: string) {
  return about(description, z.string());
}

/** An amount of money: a decimal string. */
export function money(description: string) {
  return words(`${description} In the currency's major unit.`);
}

/** A whole number, at least 0. */
export function count(description: string) {
  return about(description, z.int().check(z.gte(0)));
}

/** A number, at least 0: tokens (in steps of 0.001) or milliseconds. */
export function amount(description: string) {
  return about(description, z.number().check(z.gte(0)));
}

export function nextCursor() {
  return about("Send it as `cursor` for the next page; null on the last page.", z.nullable(z.string()));
}

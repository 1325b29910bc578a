/** Values that many bodies have. A new schema each time, since what is said of one is said by its identity. */
import * as z from "zod/mini";
import { about } from "../said.ts";

/** A moment, RFC 3339 in UTC. */
export function moment(description: string) {
  return about(description, z.iso.datetime());
}

/** A moment that may be missing. */
export function momentOrNull(description: string) {
  return about(description, z.nullable(z.iso.datetime()));
}

export function words(description: string) {
  return about(description, z.string());
}

/** A whole number from 0 on. */
export function count(description: string) {
  return about(description, z.int().check(z.gte(0)));
}

/** A number from 0 on: tokens (in steps of 0.001) or milliseconds. */
export function amount(description: string) {
  return about(description, z.number().check(z.gte(0)));
}

/** Where the next page begins. */
export function nextCursor() {
  return about("Goes into `cursor` for the next page; null at the end.", z.nullable(z.string()));
}

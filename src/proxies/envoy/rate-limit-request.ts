/**
 * envoy.service.ratelimit.v3.RateLimitRequest, as protobuf and as proto3's JSON, in one form. Unknown fields are ignored, as protobuf asks;
 * so are `domain`, since the policy has none, and `limit`, which would override the policy. Pure.
 */
import * as z from "zod/mini";
import { type Field, readFields, readText } from "./wire-format.ts";

/** More would be a mistake, and each is an operation. */
export const MAX_DESCRIPTORS = 100;
export const MAX_ENTRIES = 32;

export interface Descriptor {
  /** In order. */
  readonly entries: readonly { readonly key: string; readonly value: string }[];
  /** What the descriptor costs; null: as the request says. */
  readonly hits: number | null;
  /** Whether the hits are to be given back. */
  readonly isRefund: boolean;
}

export interface RateLimitRequest {
  readonly descriptors: readonly Descriptor[];
  /** What a descriptor without hits of its own costs; null: what its route costs. */
  readonly hits: number | null;
}

/** Null if the bytes are no such message, or have more descriptors or entries than allowed. */
export function readRateLimitRequest(bytes: Uint8Array): RateLimitRequest | null {
  const fields = readFields(bytes);
  if (fields === null) return null;
  const descriptors: Descriptor[] = [];
  let hits = 0;
  for (const field of fields) {
    switch (field.number) {
      case 1:
        if (field.kind !== "bytes" || readText(field.value) === null) return null;
        break;
      case 2: {
        const descriptor = field.kind === "bytes" ? readDescriptor(field.value) : null;
        if (descriptor === null || descriptors.length === MAX_DESCRIPTORS) return null;
        descriptors.push(descriptor);
        break;
      }
      case 3:
        if (field.kind !== "varint") return null;
        hits = field.value;
        break;
    }
  }
  // proto3 does not distinguish 0 from a field that is not set.
  return { descriptors, hits: hits === 0 ? null : hits };
}

function readDescriptor(bytes: Uint8Array): Descriptor | null {
  const fields = readFields(bytes);
  if (fields === null) return null;
  const entries: { key: string; value: string }[] = [];
  let hits: number | null = null;
  let isRefund = false;
  for (const field of fields) {
    switch (field.number) {
      case 1: {
        const entry = field.kind === "bytes" ? readEntry(field.value) : null;
        if (entry === null || entries.length === MAX_ENTRIES) return null;
        entries.push(entry);
        break;
      }
      case 3: {
        const wrapped = field.kind === "bytes" ? readWrapped(field.value) : null;
        if (wrapped === null) return null;
        hits = wrapped;
        break;
      }
      case 4:
        if (field.kind !== "varint") return null;
        isRefund = field.value !== 0;
        break;
    }
  }
  return { entries, hits, isRefund };
}

function readEntry(bytes: Uint8Array): { key: string; value: string } | null {
  const fields = readFields(bytes);
  if (fields === null) return null;
  const texts = { key: "", value: "" };
  for (const field of fields) {
    if (field.number !== 1 && field.number !== 2) continue;
    const text = field.kind === "bytes" ? readText(field.value) : null;
    if (text === null) return null;
    texts[field.number === 1 ? "key" : "value"] = text;
  }
  return texts;
}

/** The value of a google.protobuf.UInt64Value. */
function readWrapped(bytes: Uint8Array): number | null {
  const fields = readFields(bytes);
  if (fields === null) return null;
  const isValue = (field: Field): boolean => field.number === 1;
  if (fields.some((field) => isValue(field) && field.kind !== "varint")) return null;
  const last = fields.findLast(isValue);
  return last?.kind === "varint" ? last.value : 0;
}

/** Numbers of 64 bits are strings in proto3's JSON, and may be numbers. */
const count = z.union([
  z.int().check(z.gte(0)),
  z.string().check(z.regex(/^\d{1,15}$/, "must be a whole number")),
]);

const entrySchema = z.object({ key: z.string(), value: z.optional(z.string()) });

export const descriptorSchema = z.object({
  entries: z.array(entrySchema).check(z.maxLength(MAX_ENTRIES)),
  hitsAddend: z.optional(count),
  isNegativeHits: z.optional(z.boolean()),
});

export const rateLimitRequestSchema = z.object({
  domain: z.optional(z.string()),
  descriptors: z.array(descriptorSchema).check(z.maxLength(MAX_DESCRIPTORS)),
  hitsAddend: z.optional(z.int().check(z.gte(0), z.lt(2 ** 32))),
});

export function fromJson({
  descriptors,
  hitsAddend = 0,
}: z.infer<typeof rateLimitRequestSchema>): RateLimitRequest {
  return {
    descriptors: descriptors.map(({ entries, hitsAddend: hits, isNegativeHits = false }) => ({
      entries: entries.map(({ key, value = "" }) => ({ key, value })),
      hits: hits === undefined ? null : Number(hits),
      isRefund: isNegativeHits,
    })),
    hits: hitsAddend === 0 ? null : hitsAddend,
  };
}

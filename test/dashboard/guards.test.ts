/** Guards follow the types of the API's answers: the compiler checks it (`@ts-expect-error` fails to compile without an error). */
import { expect, test } from "vitest";
import type { LimitReading, Session } from "../../dashboard/src/shell/answers.ts";
import {
  type Guard,
  isMissingOr,
  isNullOr,
  isNumber,
  isOneOf,
  isShape,
  isText,
} from "../../dashboard/src/shell/guards.ts";

const isRole = isOneOf<Session["role"]>({ viewer: true, operator: true, admin: true });

test("a guard that lacks a field, a value of an enum or null does not compile", () => {
  // @ts-expect-error -- lacks `expiresAt`
  isShape<Session>({ name: isText, role: isRole });
  // @ts-expect-error -- `expiresAt` can be null
  isShape<Session>({ name: isText, role: isRole, expiresAt: isText });
  // @ts-expect-error -- lacks the role admin
  const isLesserRole: Guard<Session["role"]> = isOneOf({ viewer: true, operator: true });
  // @ts-expect-error -- lacks `used` in a nested object
  const isPeriod: Guard<LimitReading["period"]> = isMissingOr(isShape({ start: isText, end: isText }));
  expect([isLesserRole("admin"), isPeriod(undefined)]).toEqual([false, true]);
});

test("accepts further fields, and rejects missing ones and values of another type", () => {
  const isSession = isShape<Session>({ name: isText, role: isRole, expiresAt: isNullOr(isText) });
  const session = { name: "ann", role: "admin", expiresAt: null };
  expect([session, { ...session, more: 1 }].map(isSession)).toEqual([true, true]);
  const strange = [null, [session], { ...session, role: "constructor" }, { name: "ann", role: "admin" }];
  expect(strange.map(isSession)).toEqual([false, false, false, false]);
  expect([isNumber(1), isNumber("1"), isMissingOr(isNumber)(undefined)]).toEqual([true, false, true]);
});

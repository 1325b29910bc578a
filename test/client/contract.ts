/** The client's types are those of the Worker: this file compiles only while each accepts what the other sends. */
import type * as client from "../../packages/client/src/index.ts";
import type { Operation } from "../../src/api/decisions/operation.ts";
import type { Decision } from "../../src/core/decision.ts";
import type { UserStatus } from "../../src/objects/user-status.ts";

type Accepts<To, From extends To> = [To, From];

export type Contract = [
  Accepts<client.Decision, Decision>,
  Accepts<client.UserStatus, Extract<UserStatus, { kind: "status" }>>,
  Accepts<keyof client.Operation, keyof Operation>,
  Accepts<client.Outcome, Decision["outcome"]>,
];

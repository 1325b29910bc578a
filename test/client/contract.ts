/** The client's types are those of the Worker: this file compiles only while each accepts what the other sends. */
import type * as client from "../../packages/client/src/index.ts";
import type { Operation, SettleOperation } from "../../src/api/decisions/operation.ts";
import type { Decision } from "../../src/core/decision.ts";
import type { ExtendedReservation, SettledReservation } from "../../src/objects/reservation.ts";
import type { UserStatus } from "../../src/objects/user-status.ts";
import type { CheckItem } from "../../src/rpc.ts";

type Accepts<To, From extends To> = [To, From];

export type Contract = [
  Accepts<Operation, client.Operation>,
  Accepts<SettleOperation, client.Settlement>,
  Accepts<client.Operation, Operation>,
  Accepts<client.Decision, Decision>,
  Accepts<client.CheckItem, Exclude<CheckItem, SettledReservation | ExtendedReservation>>,
  Accepts<client.Settled, SettledReservation | ExtendedReservation>,
  Accepts<client.UserStatus, Extract<UserStatus, { kind: "status" }>>,
];

/** The package's main entry: the client, its error and its types. */
export { EdgeLimiter, type EdgeLimiterOptions, type OnFailure } from "./edge-limiter.ts";
export { EdgeLimiterError, type ErrorDetails } from "./error.ts";
export type {
  CheckItem,
  Cost,
  Decision,
  EdgeLimiterBinding,
  Fault,
  LimitView,
  Operation,
  Outcome,
  Reservation,
  ReserveOperation,
  Settled,
  Settlement,
  Usage,
  UserStatus,
} from "./types.ts";

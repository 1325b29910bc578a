/** What the admin API answers about one user, as far as the screen reads it, and where to ask. Pure; never trusts a shape. */
import {
  isAnything,
  isFlag,
  isListOf,
  isMapOf,
  isMissingOr,
  isNullOr,
  isNumber,
  isOneOf,
  isShape,
  isText,
  parseAs,
  type Shape,
} from "../shell/shape.ts";

export const ACCOUNTS = "/api/v1/admin/accounts";

/** An id may hold anything that is printable. */
export function accountPath(id: string): string {
  return `${ACCOUNTS}/${encodeURIComponent(id)}`;
}

const isGrant = isShape({
  grantId: isText,
  limit: isText,
  amount: isNumber,
  until: isText,
  createdAt: isText,
});
export type Grant = Shape<typeof isGrant>;
export const parseGrant = parseAs(isGrant);

/** The numbers of a limit, each kind its own. */
export interface LimitNumbers {
  readonly tokens?: number | undefined;
  readonly per?: string | undefined;
  readonly burst?: number | undefined;
  readonly amount?: number | undefined;
  readonly max?: number | undefined;
}
const NUMBERS = {
  tokens: isMissingOr(isNumber),
  per: isMissingOr(isText),
  burst: isMissingOr(isNumber),
  amount: isMissingOr(isNumber),
  max: isMissingOr(isNumber),
};
const isOverride = isShape<LimitNumbers>(NUMBERS);

const isNames = isListOf(isText);
const ACCOUNT = {
  id: isText,
  name: isText,
  tier: isText,
  status: isOneOf("active", "blocked"),
  limits: isMapOf(isOverride),
  grants: isListOf(isGrant),
  /** What has no effect, because the policy lacks it. */
  orphaned: isShape({ tier: isFlag, limits: isNames, grants: isNames }),
  createdAt: isText,
  updatedAt: isText,
};
const isAccount = isShape(ACCOUNT);
export type Account = Shape<typeof isAccount>;
export const parseAccount = parseAs(isAccount);

/** What a new account takes over from an earlier user of the same id. */
const isInherited = isShape({ blocked: isFlag, usage: isFlag, limits: isNames, audit: isFlag });
export type Inherited = Shape<typeof isInherited>;
export const parseNewAccount = parseAs(isShape({ ...ACCOUNT, inherited: isNullOr(isInherited) }));
export const parseChangedAccount = parseAs(
  isShape({ ...ACCOUNT, overridesKept: isNames, grantsKept: isNames }),
);

const isReading = isShape({
  name: isText,
  kind: isOneOf("bucket", "quota", "concurrency"),
  limit: isNumber,
  remaining: isNumber,
  resetMs: isNumber,
  windowMs: isNumber,
  period: isMissingOr(isShape({ start: isText, end: isText, used: isNumber })),
});
const isUsed = isShape({ requests: isNumber, cost: isNumber, denied: isNumber });
const isStatus = isShape({
  tier: isText,
  status: isOneOf("active", "blocked"),
  revision: isNumber,
  limits: isListOf(isReading),
  usage: isShape({ hour: isUsed, day: isUsed, month: isUsed }),
});
/** A user's limits as the user's own object has them now. */
export type Status = Shape<typeof isStatus>;
export const parseStatus = parseAs(isStatus);

const KEY = {
  keyId: isText,
  name: isText,
  scopes: isListOf(isText),
  createdAt: isText,
  expiresAt: isNullOr(isText),
  revokedAt: isNullOr(isText),
  lastUsedAt: isNullOr(isText),
};
const isKey = isShape(KEY);
export type ApiKey = Shape<typeof isKey>;
export const parseKeys = parseAs(isShape({ keys: isListOf(isKey) }));
export const parseKey = parseAs(isKey);
/** With the plaintext: the one time it is to be had. */
const isNewKey = isShape({ keyId: isText, key: isText, published: isFlag });
export type NewKey = Shape<typeof isNewKey>;
export const parseNewKey = parseAs(isNewKey);

const isAuditEntry = isShape({
  seq: isNumber,
  at: isText,
  actor: isText,
  reason: isText,
  action: isText,
  before: isAnything,
  after: isAnything,
});
export type AuditEntry = Shape<typeof isAuditEntry>;
const isAudit = isShape({ entries: isListOf(isAuditEntry), cursor: isNullOr(isText) });
export const parseAudit = parseAs(isAudit);

const isUsage = isShape({ usage: isListOf(isShape({ period: isText, cost: isNumber })) });
export const parseUsage = parseAs(isUsage);

const isSeries = isShape({ key: isNullOr(isText), requests: isListOf(isNumber) });
const isRanked = isShape({ reason: isText, denied: isNumber });
const isUserReport = isShape({
  sampled: isFlag,
  intervalSeconds: isNumber,
  totals: isShape({
    requests: isNumber,
    allowed: isNumber,
    denied: isNumber,
    turnedAway: isNumber,
    errors: isNumber,
  }),
  times: isListOf(isText),
  series: isListOf(isSeries),
  routes: isListOf(isShape({ route: isText, requests: isNumber, denied: isNumber })),
  reasons: isListOf(isRanked),
});
export type UserReport = Shape<typeof isUserReport>;
export const parseUserReport = parseAs(isUserReport);

/** As the policy has it. `scope`: counted for each key or route, rather than for the user. */
export interface LimitDocument extends LimitNumbers {
  readonly name: string;
  readonly scope?: string | undefined;
}
const isLimitDocument = isShape<LimitDocument>({ name: isText, scope: isMissingOr(isText), ...NUMBERS });
const isTier = isShape({ limits: isListOf(isLimitDocument) });
export type Tier = Shape<typeof isTier>;
export type Tiers = Readonly<Record<string, Tier>>;
const isPolicy = isShape({ document: isShape({ tiers: isMapOf(isTier), defaultTier: isText }) });
export type Policy = Shape<typeof isPolicy>;
export const parsePolicy = parseAs(isPolicy);

/** The admin API's paths and answers about accounts and users. Pure; every answer passes a guard. */
import type {
  Account,
  ApiKey,
  AuditPage,
  ChangedAccount,
  Grant,
  Inherited,
  KeyList,
  LimitNumbers,
  NewAccount,
  NewKey,
  PolicyDocument,
  UsageReport,
  UserStatus,
} from "../shell/answers.ts";
import {
  type Guard,
  type Guards,
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
} from "../shell/guards.ts";

export const ACCOUNTS = "/api/v1/admin/accounts";

/** Ids may contain any printable character. */
export function accountPath(id: string): string {
  return `${ACCOUNTS}/${encodeURIComponent(id)}`;
}

/** The statuses of an account. */
export const STATUSES: Readonly<Record<Account["status"], true>> = { active: true, blocked: true };
const isNames = isListOf(isText);

const isGrant = isShape<Grant>({
  grantId: isText,
  limit: isText,
  amount: isNumber,
  until: isText,
  createdAt: isText,
});
export const parseGrant = parseAs(isGrant);

const NUMBERS: Guards<LimitNumbers> = {
  tokens: isMissingOr(isNumber),
  per: isMissingOr(isOneOf({ second: true, minute: true, hour: true, day: true, month: true })),
  burst: isMissingOr(isNumber),
  amount: isMissingOr(isNumber),
  max: isMissingOr(isNumber),
};

export const parseNumbers = parseAs(isShape<LimitNumbers>(NUMBERS));

const ACCOUNT: Guards<Account> = {
  id: isText,
  name: isText,
  tier: isText,
  status: isOneOf(STATUSES),
  limits: isMapOf(isShape(NUMBERS)),
  grants: isListOf(isGrant),
  orphaned: isShape({ tier: isFlag, limits: isNames, grants: isNames }),
  createdAt: isText,
};
export const parseAccount = parseAs(isShape<Account>(ACCOUNT));

const isInherited = isShape<Inherited>({ blocked: isFlag, usage: isFlag, limits: isNames, audit: isFlag });
export const parseNewAccount = parseAs(isShape<NewAccount>({ ...ACCOUNT, inherited: isNullOr(isInherited) }));
export const parseChangedAccount = parseAs(
  isShape<ChangedAccount>({
    ...ACCOUNT,
    overridesKept: isNames,
    grantsKept: isNames,
    pendingTier: isNullOr(isText),
  }),
);

const isReading = isShape<UserStatus["limits"][number]>({
  name: isText,
  kind: isOneOf({ bucket: true, quota: true, concurrency: true }),
  unit: isMissingOr(isText),
  limit: isNumber,
  remaining: isNumber,
  resetMs: isNumber,
  windowMs: isNumber,
  included: isMissingOr(isNumber),
  over: isMissingOr(isNumber),
  period: isMissingOr(isShape({ start: isText, end: isText, used: isNumber })),
});
const isUnits = isMissingOr(isMapOf(isNumber));
type Usage = UserStatus["usage"]["hour"];
const USAGE: Guards<Usage> = {
  requests: isNumber,
  cost: isNumber,
  denied: isNumber,
  units: isUnits,
};
const isUsage: Guard<Usage> = isShape<Usage>(USAGE);
export const parseStatus = parseAs(
  isShape<UserStatus>({
    tier: isText,
    status: isOneOf(STATUSES),
    revision: isNumber,
    limits: isListOf(isReading),
    shadow: isMissingOr(isListOf(isReading)),
    reservations: isMissingOr(isShape({ open: isNumber, cost: isNumber, units: isUnits })),
    usage: isShape({ hour: isUsage, day: isUsage, month: isUsage }),
  }),
);

const KEY: Guards<ApiKey> = {
  keyId: isText,
  name: isText,
  scopes: isListOf(isOneOf({ call: true, check: true })),
  mode: isOneOf({ live: true, test: true }),
  createdAt: isText,
  expiresAt: isNullOr(isText),
  revokedAt: isNullOr(isText),
  lastUsedAt: isNullOr(isText),
};
const isKey = isShape<ApiKey>(KEY);
export const parseKey = parseAs(isKey);
export const parseKeys = parseAs(isShape<KeyList>({ keys: isListOf(isKey) }));
/** Whether every use of a key is recorded. That in the scope `check` is not. */
export const isUseRecorded = ({ scopes }: ApiKey): boolean => !scopes.includes("check");
export const parseNewKey = parseAs(isShape<NewKey>({ ...KEY, key: isText, published: isFlag }));

const isAuditEntry = isShape<AuditPage["entries"][number]>({
  seq: isNumber,
  at: isText,
  actor: isText,
  reason: isText,
  action: isText,
  before: isAnything,
  after: isAnything,
});
export const parseAudit = parseAs(
  isShape<AuditPage>({ entries: isListOf(isAuditEntry), cursor: isNullOr(isText) }),
);

const isUsageRow = isShape<UsageReport["usage"][number]>({
  ...USAGE,
  period: isText,
  route: isMissingOr(isText),
  key: isMissingOr(isText),
  unit: isMissingOr(isText),
});
export const parseUsage = parseAs(
  isShape<UsageReport>({
    usage: isListOf(isUsageRow),
    cursor: isNullOr(isText),
  }),
);

type PolicyLimit = PolicyDocument["tiers"][string]["limits"][number];

/** A limit of the policy, as far as these screens show it. With a `scope`, it counts per key or per route instead of per user. */
export type LimitDocument = LimitNumbers &
  Pick<PolicyLimit, "name" | "scope"> & {
    /** Missing: requests. */
    readonly unit?: string | undefined;
  };

/** A tier of the policy, as far as these screens show it. */
export interface TierLimits {
  readonly limits: readonly LimitDocument[];
}

/** The tiers of the policy in force. */
export interface TierCatalog {
  readonly document: {
    readonly tiers: Readonly<Record<string, TierLimits>>;
    readonly defaultTier: PolicyDocument["defaultTier"];
    /** Missing if nothing is billed; its `portal` if customers have none. */
    readonly billing?: { readonly portal?: unknown } | undefined;
  };
}

const isTier = isShape<TierLimits>({
  limits: isListOf(
    isShape({
      ...NUMBERS,
      name: isText,
      unit: isMissingOr(isText),
      scope: isMissingOr(isOneOf({ user: true, key: true, route: true })),
    }),
  ),
});
export const parseTiers = parseAs(
  isShape<TierCatalog>({
    document: isShape({
      tiers: isMapOf(isTier),
      defaultTier: isText,
      billing: isMissingOr(isShape({ portal: isAnything })),
    }),
  }),
);

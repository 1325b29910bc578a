/** What administrators do with accounts and their keys. */
import {
  accountChangeSchema,
  accountsQuery,
  deletionQuery,
  newAccountSchema,
  newGrantSchema,
  newKeySchema,
  pageQuery,
  reasonQuery,
  rebuildQuery,
  resetSchema,
  rotationSchema,
  usageQuery,
} from "../schemas.ts";
import { ACCOUNT, ADMIN, type Endpoint } from "../endpoint.ts";

export const ACCOUNTS = {
  createAccount: {
    method: "POST",
    path: `${ADMIN}/accounts`,
    access: "operator",
    body: newAccountSchema,
  },
  listAccounts: {
    method: "GET",
    path: `${ADMIN}/accounts`,
    access: "viewer",
    query: accountsQuery,
  },
  getAccount: { method: "GET", path: ACCOUNT, access: "viewer" },
  changeAccount: {
    method: "PATCH",
    path: ACCOUNT,
    access: "operator",
    body: accountChangeSchema,
  },
  deleteAccount: {
    method: "DELETE",
    path: ACCOUNT,
    access: "admin",
    query: deletionQuery,
  },
  grantExtra: {
    method: "POST",
    path: `${ACCOUNT}/grants`,
    access: "operator",
    body: newGrantSchema,
  },
  resetAccount: {
    method: "POST",
    path: `${ACCOUNT}/reset`,
    access: "operator",
    body: resetSchema,
  },
  getAccountStatus: {
    method: "GET",
    path: `${ACCOUNT}/status`,
    access: "viewer",
  },
  getUsage: {
    method: "GET",
    path: `${ACCOUNT}/usage`,
    access: "viewer",
    query: usageQuery,
  },
  getAudit: {
    method: "GET",
    path: `${ACCOUNT}/audit`,
    access: "viewer",
    query: pageQuery,
  },
  rebuildDirectory: {
    method: "POST",
    path: `${ADMIN}/directory/rebuild`,
    access: "admin",
    query: rebuildQuery,
  },
} as const satisfies Record<string, Endpoint>;

export const KEYS = {
  createKey: {
    method: "POST",
    path: `${ACCOUNT}/keys`,
    access: "operator",
    body: newKeySchema,
  },
  listKeys: { method: "GET", path: `${ACCOUNT}/keys`, access: "viewer" },
  rotateKey: {
    method: "POST",
    path: `${ACCOUNT}/keys/:keyId/rotate`,
    access: "operator",
    body: rotationSchema,
  },
  revokeKey: {
    method: "DELETE",
    path: `${ACCOUNT}/keys/:keyId`,
    access: "operator",
    query: reasonQuery,
  },
} as const satisfies Record<string, Endpoint>;

/** What administrators do with accounts and their keys. */
import {
  accountChangeSchema,
  accountsQuery,
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
import { ACCOUNT, ADMIN, type Endpoint } from "./endpoint.ts";

export const ACCOUNTS = {
  createAccount: {
    method: "POST",
    path: `${ADMIN}/accounts`,
    access: "operator",
    summary: "Create an account",
    body: newAccountSchema,
  },
  listAccounts: {
    method: "GET",
    path: `${ADMIN}/accounts`,
    access: "viewer",
    summary: "List accounts by tier, status or name",
    query: accountsQuery,
  },
  getAccount: { method: "GET", path: ACCOUNT, access: "viewer", summary: "Read an account" },
  changeAccount: {
    method: "PATCH",
    path: ACCOUNT,
    access: "operator",
    summary: "Change an account's tier, status, limits or name",
    body: accountChangeSchema,
  },
  deleteAccount: {
    method: "DELETE",
    path: ACCOUNT,
    access: "admin",
    summary: "Delete an account: its keys stop at once, its ledger is kept",
    query: reasonQuery,
  },
  grantExtra: {
    method: "POST",
    path: `${ACCOUNT}/grants`,
    access: "operator",
    summary: "Grant extra capacity of a limit until a time",
    body: newGrantSchema,
  },
  resetAccount: {
    method: "POST",
    path: `${ACCOUNT}/reset`,
    access: "operator",
    summary: "Forget what was spent of an account's limits",
    body: resetSchema,
  },
  getAccountStatus: {
    method: "GET",
    path: `${ACCOUNT}/status`,
    access: "viewer",
    summary: "A user's limits and usage as they stand now",
  },
  getUsage: {
    method: "GET",
    path: `${ACCOUNT}/usage`,
    access: "viewer",
    summary: "Exact usage by hour, day or month, also by route or as CSV",
    query: usageQuery,
  },
  getAudit: {
    method: "GET",
    path: `${ACCOUNT}/audit`,
    access: "viewer",
    summary: "Who changed the account, when and why, newest first",
    query: pageQuery,
  },
  rebuildDirectory: {
    method: "POST",
    path: `${ADMIN}/directory/rebuild`,
    access: "admin",
    summary: "Rebuild the list of accounts from the accounts themselves, a page at a time",
    query: rebuildQuery,
  },
} as const satisfies Record<string, Endpoint>;

export const KEYS = {
  createKey: {
    method: "POST",
    path: `${ACCOUNT}/keys`,
    access: "operator",
    summary: "Issue an API key; it is shown once",
    body: newKeySchema,
  },
  listKeys: { method: "GET", path: `${ACCOUNT}/keys`, access: "viewer", summary: "List an account's keys" },
  rotateKey: {
    method: "POST",
    path: `${ACCOUNT}/keys/:keyId/rotate`,
    access: "operator",
    summary: "Put a new key in another's place; the old one works for a grace period",
    body: rotationSchema,
  },
  revokeKey: {
    method: "DELETE",
    path: `${ACCOUNT}/keys/:keyId`,
    access: "operator",
    summary: "Revoke an API key at once",
    query: reasonQuery,
  },
} as const satisfies Record<string, Endpoint>;

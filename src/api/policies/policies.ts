/** The policy: read, put, validated, listed, brought back. Compare-and-set by ETag and If-Match (RFC 9110, section 13). */
import type { Context } from "hono";
import embedded from "../../../policy/default.json";
import { STANDING_REASONS } from "../../analytics/outcome.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { parseJson } from "../../json.ts";
import type { Change } from "../../objects/change.ts";
import {
  type PutAnswer,
  registryOf,
  type RegistryStub,
  type Revision,
} from "../../objects/policy-registry.ts";
import { compilePolicy, type Policy } from "../../policy/compile.ts";
import type { ScopedLimit } from "../../policy/compiled.ts";
import { type Fault, MAX_FAULTS, type Parsed, pointer } from "../../policy/fault.ts";
import { invalidContent, readBody } from "../body.ts";
import { textFaults } from "../plain-text.ts";
import { BAD_CURSOR, badQuery, cursorOf, numberOf, pageSize, readQuery } from "../query.ts";
import { activationSchema, pageQuery, policyChangeSchema, policyCheckSchema } from "../schemas.ts";
import { ask, changeBy } from "../ask.ts";
import { impactOf } from "./policy-impact.ts";
import { revisionView } from "../accounts/views.ts";
import { spendWork, tokensOf } from "../work-limit.ts";

/** What stands for the policy that ships with the Worker. */
export const EMBEDDED: Revision = {
  revision: 0,
  createdMs: 0,
  actor: "",
  reason: "The policy that ships with the Worker",
  restores: null,
  document: JSON.stringify(embedded),
};

export async function getPolicy(c: Context<AppEnv>): Promise<Response> {
  return ask<Revision | null>(c, "policy registry", registry(c).newest(), (newest) =>
    whole(c, newest ?? EMBEDDED),
  );
}

export async function putPolicy(c: Context<AppEnv>): Promise<Response> {
  const expected = ifMatch(c);
  if (expected === "absent" || expected === "bad") return preconditionNeeded(c);
  const body = await readBody(c, policyChangeSchema, (characters) =>
    spendWork(c, "change", tokensOf(characters)),
  );
  if (!body.ok) return body.response;
  const { document, reason, force = false } = body.value;
  const by = changeBy(c, reason);
  return put(c, document, compileNew(document), force, expected, by, (against, change) =>
    registry(c).put(JSON.stringify(document), against, change),
  );
}

export async function validatePolicy(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, policyCheckSchema, (characters) =>
    spendWork(c, "policy", tokensOf(characters)),
  );
  if (!body.ok) return body.response;
  const compiled = compileNew(body.value.document);
  if (!compiled.ok) return c.json({ valid: false, errors: compiled.faults, warnings: [] });
  const { orphans, notes } = await impactOf(c, compiled.value);
  return c.json({ valid: true, errors: [], warnings: [...orphans, ...notes] });
}

export async function listRevisions(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, pageQuery);
  if (!query.ok) return query.response;
  const before = query.value.cursor === undefined ? Number.MAX_SAFE_INTEGER : numberOf(query.value.cursor);
  if (before === null) return badQuery(c, BAD_CURSOR).response;
  const count = pageSize(query.value.limit);
  return ask(c, "policy registry", registry(c).revisions(before, count + 1), (found) => {
    const revisions = found.slice(0, count);
    const last = revisions.at(-1);
    const cursor = last && found.length > count ? cursorOf(last.revision) : null;
    return c.json({ revisions: revisions.map(revisionView), cursor });
  });
}

export async function getRevision(c: Context<AppEnv>): Promise<Response> {
  const revision = revisionParam(c);
  if (revision === null) return noRevision(c);
  if (revision === 0) return whole(c, EMBEDDED);
  return ask<Revision | null>(c, "policy registry", registry(c).revision(revision), (found) =>
    found ? whole(c, found) : noRevision(c),
  );
}

export async function activateRevision(c: Context<AppEnv>): Promise<Response> {
  const revision = revisionParam(c);
  const expected = ifMatch(c);
  if (expected === "bad") return preconditionNeeded(c);
  if (revision === null) return noRevision(c);
  const body = await readBody(c, activationSchema);
  if (!body.ok) return body.response;
  const by = changeBy(c, body.value.reason);
  const find = async (): Promise<Revision | null> =>
    revision === 0 ? EMBEDDED : registry(c).revision(revision);
  return ask<Revision | null>(c, "policy registry", find(), async (found) => {
    if (!found) return noRevision(c);
    const refusal = await spendWork(c, "change", tokensOf(found.document.length));
    if (refusal) return refusal;
    const condition = expected === "absent" ? "any" : expected;
    const document = parseJson(found.document);
    const { force = false } = body.value;
    return put(c, document, compilePolicy(document, 0), force, condition, by, (against, change) =>
      revision === 0
        ? registry(c).put(found.document, against, change, 0)
        : registry(c).activate(revision, against, change),
    );
  });
}

/** Rejects a policy that orphans accounts, unless forced. The registry numbers the document, and this isolate applies it at once. */
async function put(
  c: Context<AppEnv>,
  document: unknown,
  checked: Parsed<Policy>,
  force: boolean,
  expected: number | "any",
  by: Change,
  add: (expected: number, by: Change) => Promise<PutAnswer>,
): Promise<Response> {
  if (!checked.ok) {
    const errors = checked.faults.map(({ path, message }) => ({ path: `/document${path}`, message }));
    return invalidContent(c.var.requestId, errors).response;
  }
  const { orphans, notes } = await impactOf(c, checked.value);
  if (orphans.length > 0 && !force) {
    const errors = orphans.map(({ path, message }) => ({ path: `/document${path}`, message }));
    const detail =
      'Accounts use tiers or limits that this policy lacks; see errors. Change the policy or those accounts, or send "force": true.';
    return problem("conflict", detail, c.var.requestId, { errors });
  }
  const warnings = [...orphans, ...notes];
  const call = async (): Promise<PutAnswer> =>
    add(expected === "any" ? ((await registry(c).newest())?.revision ?? 0) : expected, by);
  return ask(c, "policy registry", call(), (answer) => {
    switch (answer.kind) {
      case "absent":
        return noRevision(c);
      case "mismatch":
        return problem(
          "revision_mismatch",
          `Somebody else has changed the policy: it is at revision ${answer.newest} now. Read it again and repeat your change.`,
          c.var.requestId,
          { headers: { ETag: etag(answer.newest) } },
        );
      case "revision": {
        const { revision, published } = answer;
        const compiled: Parsed<Policy> = compilePolicy(document, revision.revision);
        if (compiled.ok) c.var.services.policies.adopt(compiled.value);
        return c.json({ ...revisionView(revision), published, warnings }, 200, {
          ETag: etag(revision.revision),
        });
      }
    }
  });
}

/** Compiles a document that is not stored yet. It is checked for more than a stored one, which compiles forever. */
function compileNew(document: unknown): Parsed<Policy> {
  const compiled = compilePolicy(document, 0);
  const faults = compiled.ok ? [...textFaults(document), ...nameFaults(compiled.value)] : [];
  return faults.length > 0 ? { ok: false, faults: faults.slice(0, MAX_FAULTS) } : compiled;
}

/** Limits named like a reason that is no limit: reports would count their denials as turned away. */
function nameFaults({ tiers, routes }: Policy): Fault[] {
  const faultsIn = (path: readonly PropertyKey[], limits: readonly ScopedLimit[]) =>
    limits.flatMap(({ limit: { name } }, i) =>
      STANDING_REASONS.some((reason) => reason === name)
        ? [
            {
              path: pointer([...path, "limits", i, "name"]),
              message: "is reserved: reports use it as a reason that is no limit",
            },
          ]
        : [],
    );
  return [
    ...[...tiers].flatMap(([name, { limits }]) => faultsIn(["tiers", name], limits)),
    ...routes.all.flatMap(({ limits }, i) => faultsIn(["routes", i], limits)),
  ];
}

function registry(c: Context<AppEnv>): RegistryStub {
  return registryOf(c.env.POLICY_REGISTRY);
}

function whole(c: Context<AppEnv>, { document, ...info }: Revision): Response {
  const body = { ...revisionView(info), document: parseJson(document) };
  return c.json(body, 200, { ETag: etag(info.revision) });
}

function etag(revision: number): string {
  return `"${revision}"`;
}

/** The revision that a change expects to be in force; "any" for `*`. */
function ifMatch(c: Context<AppEnv>): number | "any" | "absent" | "bad" {
  const header = c.req.header("If-Match");
  if (header === undefined) return "absent";
  if (header.trim() === "*") return "any";
  const revision = /^"(\d{1,15})"$/.exec(header.trim())?.[1];
  return revision === undefined ? "bad" : Number(revision);
}

function preconditionNeeded(c: Context<AppEnv>): Response {
  const detail =
    'Say which revision you have changed: If-Match with the ETag that GET /api/v1/admin/policy gave, for example If-Match: "7".';
  const errors = [{ path: "/If-Match", message: "is missing, or not an ETag of the policy" }];
  return problem("precondition_required", detail, c.var.requestId, { errors });
}

function revisionParam(c: Context<AppEnv>): number | null {
  const text = c.req.param("n") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function noRevision(c: Context<AppEnv>): Response {
  return problem("not_found", "There is no such revision.", c.var.requestId);
}

/**
 * The type of a JSON Web Token, `typ` in its header: keeps a token that the issuer signed for another purpose from being used as a
 * user's (RFC 8725 section 3.11).
 */

/** A logout token (OpenID Connect Back-Channel Logout) names a user, and a DPoP proof (RFC 9449) is signed by the client itself. */
const NEVER_ACCEPTED = new Set(["logout+jwt", "dpop+jwt"]);

/** The type in lower case and without `application/`, which is optional (RFC 7515 section 4.1.9). */
function normalizedType(typ: string): string {
  return typ
    .trim()
    .toLowerCase()
    .replace(/^application\//, "");
}

/** Whether a deployment may require the type. */
export function isAllowedType(typ: string): boolean {
  return !NEVER_ACCEPTED.has(normalizedType(typ));
}

/**
 * Whether a token of the type `typ` can be a user's. With `required`, only that type is. Without, a token has no type, a type that says
 * nothing about its purpose (`JWT`), or is an access token (`at+jwt`, RFC 9068); any other `+jwt` has another purpose.
 */
export function isAcceptedType(typ: unknown, required: string | null): boolean {
  if (typ === undefined) return !required;
  if (typeof typ !== "string" || !isAllowedType(typ)) return false;
  const type = normalizedType(typ);
  if (required) return type === normalizedType(required);
  return type === "at+jwt" || !type.includes("+jwt");
}

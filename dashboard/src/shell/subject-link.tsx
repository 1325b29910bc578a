/** Whom a decision was about: a link to the user's screen where there is one. */
import { Link } from "./page.tsx";
import { subjectName, userAddress } from "./subject.ts";

export function SubjectLink({ account }: { readonly account: string }) {
  const to = userAddress(account);
  return to ? <Link to={to}>{subjectName(account)}</Link> : <>{subjectName(account)}</>;
}

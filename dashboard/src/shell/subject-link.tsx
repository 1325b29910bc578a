/** The subject of a decision, linked to its screen if it has one. */
import { Link } from "./page.tsx";
import { subjectName, userAddress } from "./subject.ts";

export function SubjectLink({ account }: { readonly account: string }) {
  const to = userAddress(account);
  return to ? <Link to={to}>{subjectName(account)}</Link> : <>{subjectName(account)}</>;
}

/** Whom a decision was about, as reports name it: `user:<id>` or `ip:<address>`; "" where nobody is known. */
import { Link } from "./page.tsx";
import type { PageAddress } from "./page-address.ts";

const USER = "user:";
const ADDRESS = "ip:";

/** Pure. Null where there is nobody to be shown. */
export function subjectPage(subject: string): PageAddress | null {
  if (subject.startsWith(USER)) return { screen: "user", params: { id: subject.slice(USER.length) } };
  if (subject.startsWith(ADDRESS)) return { screen: "user", params: { ip: subject.slice(ADDRESS.length) } };
  return null;
}

/** Pure. As people read it: a user's id alone. */
export function subjectName(subject: string): string {
  return subject.startsWith(USER) ? subject.slice(USER.length) : subject;
}

/** A name that leads to the User screen. */
export function SubjectLink({ subject }: { readonly subject: string }) {
  const to = subjectPage(subject);
  return to ? <Link to={to}>{subjectName(subject)}</Link> : <span class="quiet">nobody known</span>;
}

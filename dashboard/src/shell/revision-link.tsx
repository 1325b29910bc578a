/** A revision of the policy, linked to its page. */
import { Link } from "./page.tsx";

export function RevisionLink({ of }: { readonly of: number }) {
  return <Link to={{ screen: "policy", params: { revision: String(of) } }}>revision {of}</Link>;
}

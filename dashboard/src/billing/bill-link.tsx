/** An account, linked to its bill: the part of its screen that shows what it pays. */
import { Link } from "../shell/page.tsx";

export function BillLink({ of }: { readonly of: string }) {
  return <Link to={{ screen: "user", params: { id: of, at: "bill" } }}>{of}</Link>;
}

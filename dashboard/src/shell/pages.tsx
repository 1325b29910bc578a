/** The links between the pages of a list. Its cursor is in the URL. */
import { Link, usePage } from "./page.tsx";
import { changed } from "./page-address.ts";

/** @param next the cursor of the next page; null at the end, or until it is known. */
export function Pages({ next }: { readonly next: string | null }) {
  const { address } = usePage();
  const { cursor = "" } = address.params;
  if (cursor === "" && next === null) return null;
  return (
    <nav class="pages" aria-label="Pages">
      {cursor !== "" && <Link to={changed(address, { cursor: "" })}>First page</Link>}
      {next !== null && <Link to={changed(address, { cursor: next })}>Next page</Link>}
    </nav>
  );
}

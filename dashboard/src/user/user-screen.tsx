/** The user with the `id` in the URL, or the address in `subject`; without either, the list of users. */
import "./user.css";
import { UserList } from "../accounts/user-list.tsx";
import { usePage } from "../shell/page.tsx";
import { AddressView } from "./address-view.tsx";
import { UserView } from "./user-view.tsx";

export function UserScreen() {
  const { id = "", subject = "" } = usePage().address.params;
  if (id !== "") return <UserView key={id} id={id} />;
  return subject === "" ? <UserList /> : <AddressView key={subject} subject={subject} />;
}

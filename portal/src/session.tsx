/** The customer's session, whose cookie scripts cannot read: what it may do, and the calls that begin and end it. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type ApiOutcome, call } from "../../dashboard/src/shell/api-client.ts";
import type { PortalSession } from "./answers.ts";
import { parseSession, SESSION } from "./portal-api.ts";

interface Visit {
  readonly session: PortalSession;
  /** Asks the API again: what a session may do changes with its key. */
  readonly reload: () => Promise<void>;
}

const Context = createContext<Visit | null>(null);

export const SessionProvider = Context.Provider;

export function useVisit(): Visit {
  const visit = useContext(Context);
  if (!visit) throw new Error("useVisit must be called within a SessionProvider");
  return visit;
}

export function useSession(): PortalSession {
  return useVisit().session;
}

export const getSession = (): Promise<ApiOutcome<PortalSession>> => call("GET", SESSION, parseSession);

/** Exchanges a key, or a link, which works only once, for a session cookie. */
export const signIn = (
  credential: { readonly key: string } | { readonly link: string },
): Promise<ApiOutcome<PortalSession>> => call("POST", SESSION, parseSession, { body: credential });

export const signOut = (): Promise<ApiOutcome<true>> => call("DELETE", SESSION, () => true);

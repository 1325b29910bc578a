/** The built verification of tokens (scripts/build-modules.ts). */
export { TokenIssuer } from "../identity/token-issuer.ts";

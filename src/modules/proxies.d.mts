/** The built endpoints that proxies call (scripts/build-modules.ts). */
export { proxyApp } from "../proxies/proxy-app.ts";

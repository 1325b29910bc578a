/**
 * Cuts the parts out of a request's URL, since parsing it would cost each request some microseconds. The runtime builds the URL from
 * the Host header and the request target as they were sent: its path may have dot segments or be missing.
 */

/** The path of a URL: from the first slash after the authority to the query. */
export function pathnameOf(url: string): string {
  const start = pathStart(url);
  const end = pathEnd(url, start);
  return url.slice(start, end);
}

/** The query with its question mark, or "". */
export function searchOf(url: string): string {
  const start = url.indexOf("?", pathStart(url));
  const hash = url.indexOf("#");
  if (start === -1 || (hash !== -1 && hash < start)) return "";
  return url.slice(start, hash === -1 ? undefined : hash);
}

const HOST = /^[\w.:[\]-]+$/;

/** Scheme and host with its port: `https` and `example.com:8443`. */
export function originOf(url: string): { readonly scheme: string; readonly host: string } {
  const colon = url.indexOf(":");
  const scheme = url.slice(0, colon);
  const authority = url.slice(colon + 3, pathStart(url));
  // Any other character in a Host header ends the authority or is not part of the host: parse it.
  return { scheme, host: HOST.test(authority) ? authority : (URL.parse(url)?.host ?? "") };
}

function pathStart(url: string): number {
  return url.indexOf("/", url.indexOf("://") + 3);
}

function pathEnd(url: string, start: number): number {
  for (let i = start; i < url.length; i++) {
    const code = url.charCodeAt(i);
    if (code === 63 || code === 35) return i;
  }
  return url.length;
}

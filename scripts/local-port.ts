/** The port of the product on this machine: PORT, else 8787. `npm start` listens there; the other scripts look for it there. */

export const DEFAULT_PORT = 8787;

/** @throws TypeError if PORT is not a port. 0 means any free port. */
export function readPort(): number {
  const text = process.env["PORT"];
  const port = text ? Number(text) : DEFAULT_PORT;
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new TypeError(`PORT must be an integer from 0 to 65535, not "${text}"`);
}

/** The URL of the running `npm start`. @throws TypeError if PORT names no port. */
export function localUrl(): URL {
  const port = readPort();
  if (port !== 0) return new URL(`http://localhost:${port}`);
  throw new TypeError("PORT=0 is any free port: set PORT to the port that npm start has printed");
}

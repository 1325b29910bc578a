/**
 * The Worker's entry: what the runtime starts. Must never hold behaviour of its own; that is in `app.ts`,
 * which tests call without a server.
 */
import { app } from "./app.ts";

export default app;

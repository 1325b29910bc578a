/**
 * The Worker's entry point. Must never contain behaviour; that is in `app.ts`, which tests call without a server.
 */
import { app } from "./app.ts";

export default app;

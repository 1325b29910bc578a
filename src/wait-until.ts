/** Keeps work running after the response, even if the request that began it ends: the platform's `waitUntil`. */
export type WaitUntil = (work: Promise<unknown>) => void;

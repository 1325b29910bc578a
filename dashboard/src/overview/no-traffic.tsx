/** The overview without traffic: how to send some. */

export function NoTraffic({ when }: { readonly when: string }) {
  return (
    <div class="card">
      <p>
        <strong>No requests {when}.</strong> Send one, and it appears here within seconds:
      </p>
      <pre class="scroll" tabIndex={0} aria-label="A request with curl">
        <code>{`curl -i -H 'X-API-Key: <a key>' ${location.origin}/identify`}</code>
      </pre>
      <p class="quiet">
        Any path with a route in the policy works. Issue keys on a user's screen. A local start prints a key,
        and <code>npm run demo:traffic</code> sends it a mix of requests.
      </p>
    </div>
  );
}

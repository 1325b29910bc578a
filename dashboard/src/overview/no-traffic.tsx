/** What the overview shows where there is nothing to see: how to make something to see. */

export function NoTraffic({ when }: { readonly when: string }) {
  return (
    <div class="card">
      <p>
        <strong>No requests {when}.</strong> Send one, and it is here within seconds:
      </p>
      <pre class="scroll" tabIndex={0} aria-label="A request by curl">
        <code>{`curl -i -H 'X-API-Key: <a key>' ${location.origin}/identify`}</code>
      </pre>
      <p class="quiet">
        Any path that the policy has a route for will do. Keys are issued on a user's screen; a local start
        prints one, and <code>npm run demo:traffic</code> sends a mix of requests to it.
      </p>
    </div>
  );
}

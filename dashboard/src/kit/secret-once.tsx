/** A secret that the API shows once, to be copied. */
import { CopyButton } from "./copy-button.tsx";

export function SecretOnce({ secret }: { readonly secret: string }) {
  return (
    <>
      <p>Copy it now: it is shown only once.</p>
      <p class="buttons">
        <code class="secret">{secret}</code>
        <CopyButton text={secret} label="Copy" />
      </p>
    </>
  );
}

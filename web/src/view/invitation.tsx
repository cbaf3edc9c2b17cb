// One more person for a call that runs: a link for them, where the connection type lets others in.
import type { Call } from "../model.ts";
import { CopyButton } from "./copy_button.tsx";

export function Invitation({ call }: { readonly call: Call }) {
  const invite = call.invite.value;
  if (invite === null) return null;
  return (
    <section class="invitation" aria-label="Invitation">
      <CopyButton text={invite} done="Link copied">
        Invite someone
      </CopyButton>
      <p class="note">Copies a link into this call. It lets in whoever has it, until the call ends.</p>
    </section>
  );
}

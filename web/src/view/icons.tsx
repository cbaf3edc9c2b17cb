// The page's few pictures, drawn on a grid of 24; always beside words, so hidden from screen readers.
import type { ComponentChildren } from "preact";

function Icon({ children }: { readonly children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

const HANDSET =
  "M5.2 3.5h3.1l1.8 4.6-2.2 1.7a13.5 13.5 0 0 0 6.3 6.3l1.7-2.2 4.6 1.8v3.1a1.9 1.9 0 0 1-2 1.9A17.2 17.2 0 0 1 3.3 5.5a1.9 1.9 0 0 1 1.9-2Z";

export function CallIcon() {
  return (
    <Icon>
      <path class="solid" d={HANDSET} />
    </Icon>
  );
}

export function HangUpIcon() {
  return (
    <Icon>
      <path
        class="solid"
        d="M12 8.3c-3.9 0-7.4 1.1-9.7 3.2-.9.8-1 2.1-.4 3.1l1 1.6c.4.7 1.3.9 2 .6l2.9-1.3c.6-.3 1-.9 1-1.6v-1.5c2-.6 4.4-.6 6.4 0v1.5c0 .7.4 1.3 1 1.6l2.9 1.3c.7.3 1.6.1 2-.6l1-1.6c.6-1 .5-2.3-.4-3.1-2.3-2.1-5.8-3.2-9.7-3.2Z"
      />
    </Icon>
  );
}

export function MicrophoneIcon() {
  return (
    <Icon>
      <rect x="9" y="3" width="6" height="11" rx="3" />
      <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
    </Icon>
  );
}

export function MutedIcon() {
  return (
    <Icon>
      <path d="M9 9V6a3 3 0 0 1 6-.4V11M9.3 12.6A3 3 0 0 0 12 14M5.5 11.5a6.5 6.5 0 0 0 10.4 5.2M18.3 13.5c.1-.6.2-1.3.2-2M12 18v3M4 4l16 16" />
    </Icon>
  );
}

export function SpeakerIcon() {
  return (
    <Icon>
      <path d="M4 9.5h3.5L12 5.5v13l-4.5-4H4Z" />
      <path d="M15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11" />
    </Icon>
  );
}

export function ChevronIcon() {
  return (
    <Icon>
      <path d="m8 10 4 4 4-4" />
    </Icon>
  );
}

export function DownIcon() {
  return (
    <Icon>
      <path d="M12 5v14M6 13l6 6 6-6" />
    </Icon>
  );
}

export function PersonIcon() {
  return (
    <Icon>
      <circle cx="12" cy="8" r="4" />
      <path d="M4.5 20a7.5 7.5 0 0 1 15 0" />
    </Icon>
  );
}

export function WarningIcon() {
  return (
    <Icon>
      <path d="M12 4 2.8 19.5h18.4ZM12 10v4.5M12 17.2v.1" />
    </Icon>
  );
}

export function GoodIcon() {
  return (
    <Icon>
      <path d="m5 12.5 4.5 4.5L19 7.5" />
    </Icon>
  );
}

export function BadIcon() {
  return (
    <Icon>
      <path d="m6.5 6.5 11 11M17.5 6.5l-11 11" />
    </Icon>
  );
}

export function DashIcon() {
  return (
    <Icon>
      <path d="M7 12h10" />
    </Icon>
  );
}

/** Two jacks and the cord between them. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" />
      <path d="M10 11.5v3.5a6 6 0 0 0 12 0v-1" />
      <circle cx="10" cy="9.5" r="2.6" />
      <circle class="ring" cx="22" cy="11" r="2.6" />
      <path d="M16 21v3.5" />
    </svg>
  );
}

// The tokens of one sign-in, in memory alone: renewed ahead of their end and on demand, one renewal at a time.

/** The sign-in is over: nobody has signed in, or the provider renews no more. */
export class SignedOut extends Error {
  override readonly name = "SignedOut";
}

export interface Tokens {
  readonly access: string;
  /** null where the provider gives none: the sign-in then ends with the access token. */
  readonly refresh: string | null;
  /** Life of the access token from its arrival, in seconds; null where the provider doesn't say. */
  readonly lifetime: number | null;
}

export interface Session<T extends Tokens> {
  readonly tokens: T;
  /**
   * An access token that lives for a minute more, or for a quarter of its life where that is less.
   * `refused` is one that an API didn't take: it is renewed, unless that has been done already.
   * Throws SignedOut when the sign-in is over, and what `renew` threw when the provider could not be asked.
   */
  accessToken(refused?: string): Promise<string>;
  /** Forgets the tokens: nothing is renewed from here on. */
  end(): void;
}

export interface SessionOptions<T extends Tokens> {
  readonly renew: (tokens: T) => Promise<T>;
  /** Whether what `renew` threw means that no renewal will ever succeed. */
  readonly isRefusal: (error: unknown) => boolean;
  /** Called once, when the sign-in is over without `end`. */
  readonly onEnd: () => void;
  /** Pauses before further attempts to reach the provider, in milliseconds. */
  readonly pauses?: readonly number[];
}

const LONGEST_MARGIN_MILLISECONDS = 60_000;
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

export function createSession<T extends Tokens>(first: T, options: SessionOptions<T>): Session<T> {
  const pauses = options.pauses ?? [500, 2000];
  let tokens = first;
  let endsAt = 0;
  let margin = 0;
  let over = false;
  let renewal: Promise<void> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function keep(received: T): void {
    const lifetime = (received.lifetime ?? Number.POSITIVE_INFINITY) * 1000;
    tokens = received;
    endsAt = Date.now() + lifetime;
    margin = Math.min(LONGEST_MARGIN_MILLISECONDS, lifetime / 4);
    clearTimeout(timer);
    if (received.refresh !== null && Number.isFinite(lifetime)) {
      // A failure here is of no account: whoever needs the token next meets it again, or a provider that answers.
      timer = setTimeout(
        () => renewOnce().catch(() => {}),
        Math.min(lifetime - 2 * margin, LONGEST_TIMER_MILLISECONDS),
      );
    }
  }

  function end(): void {
    over = true;
    clearTimeout(timer);
  }

  function renewOnce(): Promise<void> {
    renewal ??= renew().finally(() => {
      renewal = null;
    });
    return renewal;
  }

  async function renew(): Promise<void> {
    try {
      const received = await attempt();
      if (!over) {
        keep(received);
      }
    } catch (error) {
      if (over || !options.isRefusal(error)) {
        throw error;
      }
      end();
      options.onEnd();
    }
  }

  async function attempt(): Promise<T> {
    for (const pause of pauses) {
      try {
        return await options.renew(tokens);
      } catch (error) {
        if (over || options.isRefusal(error)) {
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return options.renew(tokens);
  }

  async function accessToken(refused?: string): Promise<string> {
    const remaining = endsAt - Date.now();
    const usable = remaining > 0 && tokens.access !== refused;
    if (!over && !(usable && remaining > margin)) {
      await renewIfPossible(usable);
    }
    if (over) {
      throw new SignedOut("The sign-in is over.");
    }
    return tokens.access;
  }

  async function renewIfPossible(usable: boolean): Promise<void> {
    if (tokens.refresh === null) {
      if (!usable) {
        end();
        options.onEnd();
      }
      return;
    }
    try {
      await renewOnce();
    } catch (error) {
      // What is left of its life has to do while the provider can't be reached.
      if (!over && !usable) {
        throw error;
      }
    }
  }

  keep(first);
  return {
    get tokens() {
      return tokens;
    },
    accessToken,
    end,
  };
}

"""Daily on this machine: rooms, tokens, media and phones at the level of its wire, for what has no account with it."""

"""The rooms function: it ends sessions and their rooms, for agents that may not hold Daily's API key."""

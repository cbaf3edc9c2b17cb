"""The function that carriers call: it answers phone calls, sends them to the agent, and places calls."""

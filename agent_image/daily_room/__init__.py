"""Calls in Daily rooms (docs/decisions/0034-agent-in-a-room.md)."""

"""Carries media streams of carriers that strip query strings to AgentCore; run as `python -m relay`."""

"""Pipecat's services of the cascaded pipeline, with what a telephone call on AgentCore needs and they lack."""

"""The bot's tools, one a file: what the model may do, named in bot.TOOLS; docs/agent.md says how to write one."""

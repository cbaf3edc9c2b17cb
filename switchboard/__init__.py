"""The operator's commands: what a person runs against a deployment."""

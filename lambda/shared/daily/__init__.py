"""Daily's REST API and meeting tokens, for every function that makes, enters or ends a room."""

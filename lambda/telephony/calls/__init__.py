"""Calls that a signed-in caller of the API has us place: POST /calls, GET and DELETE /calls/{call_id}."""

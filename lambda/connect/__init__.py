"""The connect API's function: it mints sessions, signs the way into them, and ends them."""

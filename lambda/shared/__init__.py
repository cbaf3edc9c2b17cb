"""What more than one function needs: credentials, signed requests to AWS, secrets, and a log that keeps them in."""

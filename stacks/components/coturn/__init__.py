"""coturn on EC2 instances: the servers, their role, their configuration, and the names and metrics they go by."""

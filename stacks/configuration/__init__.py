"""How parameters are read from the CDK app's context, and what they are held to."""

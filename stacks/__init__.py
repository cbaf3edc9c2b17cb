"""What is deployed: typed parameters and one CDK stack a file."""

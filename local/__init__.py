"""The embedded cloud: the same templates deployed on this machine, with real media and no AWS account."""

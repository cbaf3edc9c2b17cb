"""What every service of this cloud does with a request: read it, verify its signature, answer in AWS's shape."""

"""Amazon Nova Sonic on role credentials, in conversations that outlive its streams."""

"""Sign claims as a user pool does: KEY-FILE KEY-ID < claims.json. Runs in the embedded cloud's environment."""

import base64
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


key = serialization.load_pem_private_key(Path(sys.argv[1]).read_bytes(), password=None)
assert isinstance(key, rsa.RSAPrivateKey)
header = encode(json.dumps({"alg": "RS256", "kid": sys.argv[2]}).encode())
signed = f"{header}.{encode(sys.stdin.buffer.read())}"
sys.stdout.write(f"{signed}.{encode(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}")

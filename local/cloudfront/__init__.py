"""A stand-in for CloudFront's edge: distributions on one loopback port, under names that every browser resolves.

The names end with `.cloudfront.localhost:PORT`, so that a template's `https://${DomainName}` is an origin of its own.
Behaviors, response headers policies, default root objects and error pages are ministack's; added are TLS, compression,
and a bucket that is closed to all but an origin access control that signs and a bucket policy that lets this
distribution in. Nothing but GET and HEAD is served, and nothing but what an S3 bucket holds is compressed.

It does not prove: caching (every request goes to the bucket; invalidations are accepted and complete at once), Brotli,
which CloudFront prefers to gzip, HTTP/3, a domain name and a certificate of one's own, that a change takes minutes to
spread, web ACLs, geographical limits, access logs, which are never written, and who may use a bucket as a log's target.
"""

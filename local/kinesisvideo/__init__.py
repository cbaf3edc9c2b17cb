"""A stand-in for Amazon Kinesis Video Streams' signaling channels, as far as a source of TURN servers needs them.

It keeps channels, says where their endpoint is, and answers GetIceServerConfig within the service's two limits, with
credentials for 300 s that the coturn of this cloud accepts. Inputs are checked as botocore's models define them; where
these are silent it is the stricter. Only the standard library is imported here, so that a load test can do so too.

It does not prove: that KVS's own TURN servers relay a call, or how they treat credentials that have ended (coturn looks
at the expiry only when an allocation is made); their 5 Mbit/s; the exact way in which AWS measures a rate; the limits
of the control plane's calls, within which CloudFormation keeps by itself; that a deleted channel takes a while to go.
"""

"""A stand-in for Application Load Balancers: one TLS listener each on a loopback port, before targets on loopback.

A load balancer is reached at `NAME.elb.localhost:PORT`, or at any name below `switchboard.test` by who finds its
address otherwise. Its listener terminates TLS with the cloud's certificate, whatever certificate the template names,
chooses for each request the healthy target with the fewest open ones, and lets a WebSocket's bytes through both ways.
Health checks, the idle time-out, and the connections of a target that is being deregistered are as AWS describes them.

It does not prove: that the certificate exists and covers the name, subnets and security groups, HTTP/2 to the client,
that a load balancer without a healthy target asks them all (here it answers 503), how long AWS takes to spread a
change, limits of headers and bodies, and access logs, which are never written.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html and
load-balancer-target-groups.html, target-group-health-checks.html, edit-target-group-attributes.html of that guide.
"""

"""The relay, which Twilio's media streams need: a load balancer with TLS and containers behind it."""

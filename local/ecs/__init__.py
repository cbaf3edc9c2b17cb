"""A stand-in for Amazon ECS on Fargate: services whose tasks are processes of this machine.

A task is started from a folder that is made of its image's build context, with the template's variables, its secrets
and its role's credentials, a log of its own, and a loopback port of its own in `HOST` and `PORT`, which takes the place
of an address of its own. A service keeps as many tasks as it should, replaces those that end or become unhealthy, and
brings in a new revision as ECS's rolling update does: the new tasks start, become healthy behind the load balancer, and
then the old ones are deregistered, kept until their connections are over, and ended by SIGTERM, then SIGKILL.

It does not prove: the arm64 image, what `RUN` and `USER` in its Dockerfile do, that a task is in a network and what may
reach it, CPU and memory, the container's own health check, a read-only file system, autoscaling, the log's way into
CloudWatch, and more than one container a task.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html, and
task-lifecycle-explanation.html, deployment-circuit-breaker.html and task-iam-roles.html of that guide.
"""

"""The web stack: where the page is served from. It knows nothing of the API, which has to know the page's URL."""

from constructs import Construct

from stacks.components.deployment_stack import DeploymentStack
from stacks.components.page_bucket import PageBucket
from stacks.components.page_distribution import PageDistribution
from stacks.components.page_names import PageNames
from stacks.parameters import Parameters


class WebStack(DeploymentStack):
    """A private bucket behind CloudFront. `page_url` is an origin: it has no path."""

    def __init__(self, scope: Construct, *, parameters: Parameters) -> None:
        super().__init__(scope, "web", parameters=parameters, description="Bucket and distribution of the page")
        web = parameters.web
        bucket = PageBucket(self, "Bucket", operations=parameters.operations)
        distribution = PageDistribution(self, "Page", bucket=bucket, parameters=parameters).distribution
        cloudfront_name = distribution.distribution_domain_name
        if web.domain_name and web.hosted_zone_id:
            PageNames(
                self,
                "Names",
                domain_name=web.domain_name,
                hosted_zone_id=web.hosted_zone_id,
                target=cloudfront_name,
            )
        self.page_url = f"https://{web.domain_name or cloudfront_name}"
        self.add_output("PageUrl", value=self.page_url, description="The page to talk from")
        self.add_output("BucketName", value=bucket.bucket_name, description="Bucket of the page")
        self.add_output("DistributionId", value=distribution.distribution_id, description="Distribution of the page")
        self.add_output(
            "DistributionDomainName",
            value=cloudfront_name,
            description="What a domain name of your own has to lead to",
        )

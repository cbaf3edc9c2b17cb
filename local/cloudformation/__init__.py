"""The CloudFormation resource types that ministack lacks, each against ministack's own service APIs."""

"""CloudFormation's acting half: stacks, what is done to them, and the service in front."""

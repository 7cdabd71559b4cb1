"""CodeDeploy for Lambda: an alias goes from one version to another step by step, watched by alarms, and back."""

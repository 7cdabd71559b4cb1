"""From a call to its decision: what it needs, which policies are in force, and the two brought together."""

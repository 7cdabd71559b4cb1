"""How work is judged: the check contract, the notebook's face, the judge, the grader and the authoring tools."""

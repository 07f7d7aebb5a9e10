"""``make package``: one CloudFormation (SAM) template and one reproducible zip."""

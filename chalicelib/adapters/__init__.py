"""The only users of boto3: one file per AWS service; AWS's errors become the ports' errors here."""

"""Validation of stored instances: a verdict with findings, rule by rule.

What belongs here: judgements by the table ``standard.validation_rules``, made on the structural
walk and on values read in small windows, so that an instance of any size is judged in little
memory. What must not: any value of a patient's in a finding; any change to an instance.
"""

from chalicelib.origin.validate.observed import findings_of
from chalicelib.origin.validate.validator import Outcome, Validator
from chalicelib.origin.validate.whole import validate_object

__all__ = ["Outcome", "Validator", "findings_of", "validate_object"]

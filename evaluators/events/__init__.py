"""Events of a test against events of a reference: matching in time, false alarms, burden."""

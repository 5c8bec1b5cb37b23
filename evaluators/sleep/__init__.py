"""Sleep: nights' measures under declared definitions, agreement epoch by epoch, discrepancies, scorers."""

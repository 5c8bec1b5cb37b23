"""Reports: figures, the PDF and HTML report, and exports. They show what was computed elsewhere."""

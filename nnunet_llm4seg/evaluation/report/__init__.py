"""The report: comparison.json, per_case.csv, table.tex and report.html."""

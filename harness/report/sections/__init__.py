"""One module a section: from the view of a scenario to plain data for its template."""

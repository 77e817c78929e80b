"""`llm4seg doctor`: what is installed, what is missing, and the next command."""

import typer

from nnunet_llm4seg.cli import app


@app.command()
def doctor() -> None:
    """Check this machine; exit code 0 only if a training could start."""
    from nnunet_llm4seg.doctor import examine, next_command

    findings = examine()
    width = max(len(finding.topic) for finding in findings)
    for finding in findings:
        print(f"{finding.level:<5} {finding.topic:<{width}}  {finding.text}")
    bad = sum(finding.level == "bad" for finding in findings)
    print(f"\nA training {'cannot start yet' if bad else 'could start'}. Next:\n\n  {next_command(findings)}")
    raise typer.Exit(1 if bad else 0)

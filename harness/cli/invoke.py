"""``harness invoke``: one request to an endpoint, its answer on standard output."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli import FAILED, PASSED
from harness.cli.project import running, state_option, target


@click.command("invoke")
@click.argument("endpoint")
@click.option("--body", help="The request itself (default: --file, or standard input).")
@click.option("--file", "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A file to send.")
@click.option("--content-type", default="text/csv", show_default=True)
@click.option("--accept", help="What to ask for (default: the model's own choice).")
@click.option("--variant", help="The production variant to ask, whatever the weights.")
@state_option
def command(
    endpoint: str,
    body: str | None,
    file: Path | None,
    content_type: str,
    accept: str | None,
    variant: str | None,
    state: Path | None,
) -> int:
    """Send a request to an endpoint."""
    from botocore.exceptions import ClientError

    from harness.clients.boto3_clients import client

    if body is not None and file is not None:
        raise click.UsageError("give --body or --file, not both")
    content = body.encode() if body is not None else file.read_bytes() if file else sys.stdin.buffer.read()
    chosen = {"Accept": accept, "TargetVariant": variant}
    runtime = client(target(running(state)), "sagemaker-runtime")
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint,
            Body=content,
            ContentType=content_type,
            **{key: value for key, value in chosen.items() if value},
        )
    except ClientError as error:
        click.echo(f"harness: {error}", err=True)
        return FAILED
    received = answer["Body"].read()
    sys.stdout.buffer.write(received if received.endswith(b"\n") else received + b"\n")
    sys.stdout.buffer.flush()
    return PASSED

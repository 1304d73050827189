"""The command `completion`."""

import click

from reconciler.errors import ExitCode, ReconcilerError


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish", "powershell"]))
@click.pass_context
def command(context: click.Context, /, *, shell: str) -> int:
    """Print what makes a shell complete commands, options, files, environments and codes.

    In ~/.bashrc or ~/.zshrc: source <(reconciler completion bash), or zsh. In
    ~/.config/fish/config.fish: reconciler completion fish | source. In a PowerShell profile:
    reconciler completion powershell | Out-String | Invoke-Expression.

    Example: reconciler completion bash
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise ReconcilerError(
            f"The installed version of click knows no completion for {shell}.",
            "Update it: pip install --upgrade click.",
        )
    group = context.find_root().command
    click.echo(found(group, {}, "reconciler", "_RECONCILER_COMPLETE").source())
    return ExitCode.DONE

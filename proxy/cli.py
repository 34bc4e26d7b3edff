"""The ``sayso`` command. Errors that a user can cause are one readable line on stderr, never a traceback."""

import click

from proxy import __version__
from proxy.commands.audit import audit, explain
from proxy.commands.checking import check_config, matrix
from proxy.commands.consent import consent
from proxy.commands.doctor import doctor
from proxy.commands.loader import loader
from proxy.commands.operating import dead_letters, outbox, pause, replay, resume, status
from proxy.commands.serving import deliver, demo, gateway, serve, twin


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sayso")
def main() -> None:
    """Visitors' events go only where the visitor says so."""


_COMMANDS: tuple[click.Command, ...] = (
    serve,
    gateway,
    deliver,
    twin,
    demo,
    check_config,
    matrix,
    loader,
    status,
    doctor,
    explain,
    audit,
    pause,
    resume,
    replay,
    dead_letters,
    outbox,
    consent,
)
for _command in _COMMANDS:
    main.add_command(_command)


if __name__ == "__main__":
    main()

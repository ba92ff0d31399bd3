"""`etalon ui`: the application in a browser. What is heavy is imported inside the verb."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from etalon.verbs.options import Lang, StoreOption


def ui(
    folder: Annotated[Path, typer.Argument(help="Where the study files are that may be started.")] = Path(),
    store: StoreOption = None,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="The address to answer on; other than this machine's own, only to who has the token."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8000,
    token: Annotated[str, typer.Option("--token", help="What browsers must show [made, off this machine].")] = "",
    lang: Lang = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, open nothing.")] = False,
) -> None:
    """Watch, compare, look and try in a browser, on a store; until Ctrl-C."""
    from etalon.app.addresses import LOOPBACK
    from etalon.app.desk import Desk
    from etalon.app.server import serve
    from etalon.errors import StudyError
    from etalon.locales import _, use
    from etalon.locales.foreign import of_files
    from etalon.study.store import Store, default_store

    def tell(addresses: Sequence[str]) -> None:
        here, *others = addresses
        typer.echo(here)
        if others:
            typer.echo(_("From another device of the network:"))
        for address in others:
            typer.echo(f"  {address}")
        if host not in LOOPBACK:
            typer.echo(
                _("The connection is not encrypted: whoever is on the network may read what goes by, the token too."),
                err=True,
            )
        if not no_browser and _on_a_desktop():
            import webbrowser

            webbrowser.open(here)

    with use(lang):
        if not folder.is_dir():
            raise StudyError(
                f"{folder}", _("there is no such folder"), _("Give the folder where your study files are.")
            )
        desk = Desk(Store(store or default_store()), folder.resolve())
        try:
            serve(desk, host, port, token, tell)
        except OSError as error:
            raise StudyError(
                f"{host}:{port}",
                _("nobody can answer there ({error})").format(error=of_files(error).partition(" (")[0]),
                _("Give another --port, 0 for any that is free, or another --host."),
            ) from error


def _on_a_desktop() -> bool:
    """Whether there is a screen to open a browser on."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

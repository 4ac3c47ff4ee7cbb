"""The server with a model that writes what an editor might take for its own: snippets, commands, formats, escapes.

Behind `hostile = ` it offers TEXT as ghost text, wherever that is.
"""

from __future__ import annotations

import sys
from typing import Any

from fairlead.decoding.offer import Offer
from fairlead.monitors.analysis import Document
from fairlead.server.cli import main
from fairlead.server.session import Ghost, Session

TEXT = r"""'$CLIPBOARD ${TM_FILENAME} ${1:a} $0 \} `x` %d %s {{}} \n \x1b[2K é棚🎉 <b> [a](command:b) ]]> &amp;'"""


async def ghost(self: Any, document: Document, offset: int, *, invoked: bool) -> list[Ghost]:
    if not document.text[:offset].endswith("hostile = "):
        return []
    return [Ghost(TEXT, self.offers.add(document, offset, Offer(TEXT, 1.0, 1.0, "model", "end_of_line")))]


if __name__ == "__main__":
    Session.ghost = ghost  # type: ignore[method-assign]  # that is the point
    sys.exit(main(["serve", "--no-model"]))
